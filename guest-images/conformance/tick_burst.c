/* Ticks, policy burst: each period has an event of its own, raised when the guest has taken the last one. */
#include "storm.h"

GUEST(T4, tick_burst);

#define PERIOD 10000u

void check(void)
{
    uint64_t begin_ns = storm_begin(PERIOD, PV_TICK_BURST);
    storm(5 * PERIOD);
    CHECK_EQUAL(check_count(STORM_PORT), 1);
    /* Eight periods are over; the ninth is not. */
    while (pv_now_ns() - begin_ns < (uint64_t)17 * PERIOD / 2 * storm_unit_ns())
        continue;
    CHECK_EQUAL(check_count(STORM_PORT), 1);
    pv_interrupts_enable();
    for (uint32_t step = 0; step < 32; step++)
        __asm__ volatile("nop" : : : "memory");
    pv_timer_cancel();
    CHECK_EQUAL(ticks, 8);
    CHECK_EQUAL(tick_calls, 8);
    CHECK_EQUAL(check_count(STORM_PORT), 8);
}
