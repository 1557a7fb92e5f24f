/* Between two ticks at least one instruction of the guest retires: with a handler that takes longer than a period the guest
   gets on all the same. */
#include "probe.h"

GUEST(T7, tick_storm);

static uint32_t period_units;

static void linger(const struct probe_state *state)
{
    (void)state;
    for (uint32_t step = 0; step < period_units; step++)
        __asm__ volatile("");
}

void check(void)
{
    uint32_t count, steps = 0;
    period_units = (uint32_t)pv_start_info->clock_rate / 1000000;
    probe_begin();
    probe_hook = linger;
    CHECK_EQUAL(
        call_by_page(PV_CALL_EVENT_BIND_INTERRUPT, PV_INTERRUPT_TIMER, PROBE_TIMER_PORT, check_address(&count)),
        0);
    CHECK_EQUAL(pv_timer_every(PV_PERIOD_MINIMUM_NS, PV_TICK_ONE), 0);
    probe.upcalls = 0;
    pv_interrupts_enable();
    __asm__ volatile("1:\tincl %0\n\tcmpl $200, %0\n\tjne 1b" : "+r"(steps) : : "cc", "memory");
    uint32_t upcalls = probe.upcalls;
    pv_interrupts_disable();
    pv_timer_cancel();
    /* Three instructions a step: one for each upcall, but for those of the first period. */
    CHECK(upcalls + period_units > 600 && upcalls < 610);
}
