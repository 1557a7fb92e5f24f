/* Two threads, each with an x87 state of its own, and a third that does not compute. The state is switched only when it is
   needed: a thread switch sets TS, the next floating-point instruction traps, and the handler saves the one state and
   loads the other. On a processor with SSE the
   states are those of FXSAVE, which hold the SSE registers too. */
#include "pv.h"

#define TIMER_PORT 0
#define SLICE_NS 20000u
#define STACK_WORDS 512
#define THREADS 3u
#define SWITCHES 24u
#define DEVICE_NOT_AVAILABLE 7
#define NOBODY THREADS
#define FXSR (1u << 24)

/* FXSAVE wants 16-byte alignment and 512 bytes; FNSAVE takes 108. */
struct fpu_state {
    uint8_t bytes[512];
} __attribute__((aligned(16)));

static uint32_t stacks[THREADS][STACK_WORDS];
static uint32_t *saved_stack[THREADS];
static uint32_t *main_stack;
static struct fpu_state states[THREADS];
static uint32_t owner = NOBODY;
static uint32_t has_fxsave;
static uint32_t running;
static uint32_t switches;
static uint32_t traps;
static volatile uint32_t rounds[THREADS];

/* Keeps the registers that C expects to survive on the old stack, and takes those of the new one. */
void switch_stack(uint32_t **save, uint32_t *load);
__asm__(".pushsection .text\n"
        ".type switch_stack, @function\n"
        "switch_stack:\n"
        "    movl 4(%esp), %eax\n"
        "    movl 8(%esp), %edx\n"
        "    pushl %ebp\n"
        "    pushl %ebx\n"
        "    pushl %esi\n"
        "    pushl %edi\n"
        "    movl %esp, (%eax)\n"
        "    movl %edx, %esp\n"
        "    popl %edi\n"
        "    popl %esi\n"
        "    popl %ebx\n"
        "    popl %ebp\n"
        "    ret\n"
        ".size switch_stack, . - switch_stack\n"
        ".type enter_thread, @function\n"
        "enter_thread:\n"
        "    jmp *pv_iret_stub\n"
        ".size enter_thread, . - enter_thread\n"
        ".popsection\n");
extern const char enter_thread[];

static uint32_t features(void)
{
    uint32_t eax = 1, ebx, ecx, edx;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    return edx;
}

static void save_state(struct fpu_state *state)
{
    if (has_fxsave)
        __asm__ volatile("fxsave %0" : "=m"(*state));
    else
        __asm__ volatile("fnsave %0" : "=m"(*state));
}

static void load_state(const struct fpu_state *state)
{
    if (has_fxsave)
        __asm__ volatile("fxrstor %0" : : "m"(*state));
    else
        __asm__ volatile("frstor %0" : : "m"(*state));
}

/* The running thread computes for the first time since it was switched to. */
static void on_first_use(struct pv_trap_frame *frame)
{
    (void)frame;
    traps++;
    pv_fpu_set_switched(0);
    if (owner == running)
        return;
    if (owner != NOBODY)
        save_state(&states[owner]);
    load_state(&states[running]);
    owner = running;
}

/* The sum 1 + 2 + ... stays on the x87's own stack between the steps: a state that is lost ruins it. */
static uint32_t sum_on_x87(uint32_t steps)
{
    uint32_t sum = 0;
    uint32_t step = 0;
    __asm__ volatile("fldz" : : : "memory");
    while (step < steps) {
        step++;
        __asm__ volatile("fiaddl %0" : : "m"(step) : "memory");
    }
    __asm__ volatile("fistpl %0" : "=m"(sum) : : "memory");
    return sum;
}

static _Noreturn void thread(uint32_t number)
{
    for (;;) {
        if (sum_on_x87(100 + number) != (number == 0 ? 5050 : 5151))
            pv_shutdown(3);
        rounds[number]++;
    }
}

static _Noreturn void first_thread(void)
{
    thread(0);
}

static _Noreturn void second_thread(void)
{
    thread(1);
}

static _Noreturn void third_thread(void)
{
    for (;;)
        rounds[2]++;
}

static void prepare(uint32_t number, void (*start)(void))
{
    uint32_t *top = stacks[number] + STACK_WORDS;
    *--top = PV_INTERRUPT_FLAG;
    *--top = PV_SELECTOR_CODE;
    *--top = (uint32_t)start;
    *--top = (uint32_t)enter_thread;
    top -= 4; /* EBP, EBX, ESI, EDI */
    saved_stack[number] = top;
}

static void on_tick(uint32_t port, uint32_t times)
{
    (void)port;
    (void)times;
}

/* No thread's state is touched here: TS alone says that whoever computes next may not be the owner. */
static void switch_threads(void)
{
    uint32_t before = running;
    if (++switches == SWITCHES) {
        pv_timer_cancel();
        switch_stack(&saved_stack[before], main_stack);
        return;
    }
    running = before + 1 < THREADS ? before + 1 : 0;
    pv_fpu_set_switched(1);
    switch_stack(&saved_stack[before], saved_stack[running]);
}

int main(void)
{
    uint32_t cr0 = 0;
    has_fxsave = (features() & FXSR) != 0;
    pv_print(has_fxsave ? "States are saved by FXSAVE.\n" : "States are saved by FNSAVE.\n");
    /* A fresh unit, with which both threads begin. */
    __asm__ volatile("fninit");
    save_state(&states[0]);
    states[1] = states[0];
    prepare(0, first_thread);
    prepare(1, second_thread);
    prepare(2, third_thread);
    pv_set_after_events(switch_threads);
    if (pv_trap_set(DEVICE_NOT_AVAILABLE, 0, on_first_use) != 0)
        return 1;
    pv_fpu_set_switched(1);
    if (pv_register_get(PV_REGISTER_CR0, &cr0) != 0 || (cr0 & 8) == 0)
        return 5;
    if (pv_event_bind_interrupt(PV_INTERRUPT_TIMER, TIMER_PORT, on_tick) != 0)
        return 1;
    if (pv_timer_every(SLICE_NS, PV_TICK_ONE) != 0)
        return 2;
    switch_stack(&main_stack, saved_stack[0]);
    if (rounds[0] == 0 || rounds[1] == 0 || rounds[2] == 0)
        return 4;
    pv_print("Both threads computed right; ");
    pv_print_number(switches, 1);
    pv_print(" switches of threads took ");
    pv_print_number(traps, 1);
    pv_print(" switches of the floating-point unit.\n");
    return 0;
}
