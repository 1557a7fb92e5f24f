/* Two threads that a timer switches. The switch happens inside the upcall, before its handler has returned: the frame of
   the one thread stays on its stack until the other thread's upcall switches back, so that frames are returned from
   in another order than they were made. The first frame of a thread is written by hand. */
#include "pv.h"

#define TIMER_PORT 0
#define SLICE_NS 20000u
#define STACK_WORDS 512
#define SWITCHES 20u

static uint32_t stacks[2][STACK_WORDS];
static uint32_t *saved_stack[2];
static uint32_t *main_stack;
static volatile uint32_t rounds[2];
static uint32_t running;
static uint32_t switches;

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
        /* Where a new thread begins: [ESP] = EIP, CS, EFLAGS. */
        ".type enter_thread, @function\n"
        "enter_thread:\n"
        "    jmp *pv_iret_stub\n"
        ".size enter_thread, . - enter_thread\n"
        ".popsection\n");
extern const char enter_thread[];

/* A register that the compiler does not know of would be lost in a bad switch; the sum finds out. */
static _Noreturn void thread(uint32_t number)
{
    for (;;) {
        uint32_t sum = 0;
        for (uint32_t step = 1; step <= 100; step++) {
            sum += step;
            __asm__ volatile("" : "+r"(sum), "+r"(step));
        }
        if (sum != 5050)
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

static void prepare(uint32_t number, void (*start)(void))
{
    uint32_t *top = stacks[number] + STACK_WORDS;
    *--top = PV_INTERRUPT_FLAG; /* EFLAGS: upcalls are enabled when the thread begins. */
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

static void switch_threads(void)
{
    uint32_t before = running;
    if (++switches == SWITCHES) {
        pv_timer_cancel();
        switch_stack(&saved_stack[before], main_stack);
        return;
    }
    pv_print(before == 0 ? "Thread 1 is interrupted.\n" : "Thread 2 is interrupted.\n");
    running = 1 - before;
    switch_stack(&saved_stack[before], saved_stack[running]);
}

int main(void)
{
    prepare(0, first_thread);
    prepare(1, second_thread);
    pv_set_after_events(switch_threads);
    if (pv_event_bind_interrupt(PV_INTERRUPT_TIMER, TIMER_PORT, on_tick) != 0)
        return 1;
    if (pv_timer_every(SLICE_NS, PV_TICK_ONE) != 0)
        return 2;
    switch_stack(&main_stack, saved_stack[0]);
    if (rounds[0] == 0 || rounds[1] == 0)
        return 4;
    pv_print("Both threads went on after ");
    pv_print_number(switches, 1);
    pv_print(" upcalls.\n");
    return 0;
}
