/* A guest for the tests of source lines and coverage: a function that is inlined, one that calls itself, a branch that is not
   taken, a function that is not called, and an upcall that interrupts a loop. */
#include "pv.h"

#define TIMER_PORT 0
#define PERIOD_NS 20000u

static volatile uint32_t ticks;
static volatile uint32_t total;

static inline __attribute__((always_inline)) uint32_t doubled(uint32_t number)
{
    return number * 2 + total;
}

__attribute__((noipa)) static uint32_t factorial(uint32_t number)
{
    if (number == 0)
        return 1;
    uint32_t smaller = factorial(number - 1);
    return number * smaller;
}

__attribute__((noinline, used)) static void not_called(void)
{
    total = 17;
}

static void on_tick(uint32_t port, uint32_t times)
{
    (void)port;
    ticks += times;
}

int main(void)
{
    if (pv_event_bind_interrupt(PV_INTERRUPT_TIMER, TIMER_PORT, on_tick) != 0)
        return 1;
    if (pv_timer_every(PERIOD_NS, PV_TICK_ONE) != 0)
        return 2;
    pv_interrupts_enable();
    while (ticks < 3)
        total += doubled(factorial(5));
    if (ticks == 1000)
        not_called();
    pv_print("Three ticks.\n");
    return 0;
}
