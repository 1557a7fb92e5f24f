/* A partition that nobody wants beside him. The command line says what it does: `idle` waits for ever, `busy` never waits, and
   a number is the seed of random calls with random arguments, wild stores and wild jumps, without an end. It is meant to
   be started again when it crashes, and does something else each time. */
#include "proof.h"

#define LIFE_NS 25000000u

static uint32_t state;

static uint32_t random_word(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static const uint32_t interesting[] = {
    0, 1, 2, 3, 4, 5, 8, 31, 32, 200, 512, 1000, 1023, 1024, 4096, 8192, 65536, 1000000,
    0x00100000, 0x00101000, 0x00101001, 0x00102ffe, 0x0013fffc, 0x00140000, 0x001ffffc, 0x00200000, 0x40000000,
    0x7fffffff, 0x80000000, 0xf0000000, 0xf0002000, 0xf0002004, 0xf0003000, 0xf0004000, 0xf0006000, 0xf0010000,
    0xfffff000, 0xfffffffc, 0xffffffff,
};

static uint32_t random_argument(void)
{
    uint32_t word = random_word();
    return word % 8 == 0 ? random_word() : interesting[(word >> 8) % (sizeof interesting / sizeof interesting[0])];
}

/* Those that end the partition for good are left out: nothing would come after them. */
static int ends(uint32_t number, uint32_t first)
{
    return number == PV_CALL_SHUTDOWN || number == PV_CALL_HALT
        || (number == PV_CALL_PARTITION_SET_MODE && first == PV_MODE_IDLE)
        || (number == PV_CALL_PARTITION_CONTROL && first == pv_start_info->partition_id);
}

/* Each costs a window, and there are many other calls. */
static int waits(uint32_t number)
{
    return number == PV_CALL_YIELD || number == PV_CALL_BLOCK || number == PV_CALL_POLL;
}

static void random_call(void)
{
    uint32_t number = random_word() % 0xf0, first = random_argument();
    if (ends(number, first) || (waits(number) && random_word() % 8 != 0))
        return;
    uint32_t eax = pv_start_info->hypercall_page + PV_HYPERCALL_STUB_BYTES * number;
    __asm__ volatile("pushal\n"
                     "call *%%eax\n"
                     "popal\n"
                     : : "a"(eax), "b"(first), "c"(random_argument()), "d"(random_argument()), "S"(random_argument()),
                         "D"(random_argument()) : "memory", "cc");
}

static void wild(void)
{
    uint32_t word = random_word();
    if (word % 32 == 0)
        *(volatile uint32_t *)(uintptr_t)random_argument() = random_word();
    if (word % 64 == 1)
        *(volatile uint32_t *)(uintptr_t)(0x100000 + random_word() % 0x40000) = random_word();
    if (word % 512 == 2)
        ((void (*)(void))(uintptr_t)random_argument())();
    if (word % 512 == 3)
        ((void (*)(void))(uintptr_t)(0x100000 + random_word() % 0x4000))();
}

int main(void)
{
    const char *command = (const char *)(uintptr_t)pv_start_info->command_line;
    if (command[0] == 'i')
        for (;;)
            pv_block();
    if (command[0] == 'b')
        for (;;)
            state++;
    for (; *command != '\0'; command++)
        state = state * 10 + (uint32_t)(*command - '0');
    state = (state + 1) * 2654435761u + pv_start_info->restart_count * 0x9e3779b9u;
    if (state == 0)
        state = 1;
    /* A wait for ever, or a loop that it jumped into, is the end of this life only. */
    uint64_t end_ns = pv_now_ns() + LIFE_NS;
    proof_call(PV_CALL_WATCHDOG_SET, (uint32_t)end_ns, (uint32_t)(end_ns >> 32), 0, 0);
    for (;;) {
        random_call();
        wild();
    }
}
