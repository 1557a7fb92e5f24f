/* Ticks, policy one: of periods that passed together each is counted, and one event tells of all of them. */
#include "storm.h"

GUEST(T3, tick_one);

#define PERIOD 1000u

void check(void)
{
    storm_begin(PERIOD, PV_TICK_ONE);
    storm(5 * PERIOD);
    CHECK_EQUAL(check_count(STORM_PORT), 5);
    storm(3 * PERIOD);
    CHECK_EQUAL(check_count(STORM_PORT), 8);
    CHECK_EQUAL(ticks, 0);
    pv_interrupts_enable();
    CHECK_EQUAL(tick_calls, 1);
    CHECK_EQUAL(ticks, 8);
    pv_timer_cancel();
}
