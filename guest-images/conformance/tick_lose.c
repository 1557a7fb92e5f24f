/* Ticks, policy lose: of periods that passed together one counts. Masked, but running, the guest loses none. */
#include "storm.h"

GUEST(T6, tick_lose);

#define PERIOD 1000u

void check(void)
{
    uint64_t begin_ns = storm_begin(PERIOD, PV_TICK_LOSE);
    storm(8 * PERIOD);
    /* The first while away, before any was missed; then seven together. */
    CHECK_EQUAL(check_count(STORM_PORT), 2);
    while (pv_now_ns() - begin_ns < (uint64_t)12 * PERIOD * storm_unit_ns())
        continue;
    CHECK_EQUAL(check_count(STORM_PORT), 6);
    pv_interrupts_enable();
    CHECK_EQUAL(tick_calls, 1);
    CHECK_EQUAL(ticks, 6);
    pv_timer_cancel();
}
