/* An upcall at every boundary between two instructions of a piece of code, one boundary after the other. */
#ifndef SWEEP_H
#define SWEEP_H

#include "probe.h"

/* Longer pieces of code are not swept. */
#define SWEEP_MOST 2000u

static inline uint32_t sweep_unit_ns(void)
{
    return 1000000000u / (uint32_t)pv_start_info->clock_rate;
}

/* Runs `code` again and again with upcalls enabled, the timer set for one unit later each time, until the upcall comes
   only after the code; calls `judge` after each run in which it came meanwhile. Returns how many those were. */
static inline uint32_t sweep(void (*code)(void), void (*judge)(void))
{
    uint32_t count, inside = 0;
    probe_begin();
    CHECK_EQUAL(
        call_by_page(PV_CALL_EVENT_BIND_INTERRUPT, PV_INTERRUPT_TIMER, PROBE_TIMER_PORT, check_address(&count)),
        0);
    for (uint32_t units = 0; units < SWEEP_MOST; units++) {
        probe.upcalls = 0;
        CHECK_EQUAL(pv_timer_at(pv_now_ns() + (uint64_t)units * sweep_unit_ns()), 0);
        pv_interrupts_enable();
        uint32_t before = probe.upcalls;
        code();
        uint32_t after = probe.upcalls;
        pv_interrupts_disable();
        pv_timer_cancel();
        probe_take_all();
        if (before == 0 && after == 0)
            return inside;
        CHECK_EQUAL(after, 1);
        if (before == 0) {
            inside++;
            judge();
        }
    }
    check_failed(__LINE__, "the upcall never came after the code");
}

#endif
