/* Ticks, policy spread: missed periods are made up for, one in the middle of each period to come; no more than 64. */
#include "storm.h"

GUEST(T5, tick_spread);

#define PERIOD 10000u
/* For what cannot be made up for. */
#define SHORT_PERIOD 1000u
#define AWAY 100u

/* Waits for the n-th tick and says how long that was, in hundredths of a period. */
static uint32_t wait_for(uint32_t number)
{
    uint64_t before_ns = pv_now_ns();
    while (ticks < number)
        pv_block();
    uint32_t units = (uint32_t)(pv_now_ns() - before_ns) / storm_unit_ns();
    return units * 100 / PERIOD;
}

void check(void)
{
    storm_begin(PERIOD, PV_TICK_SPREAD);
    storm(5 * PERIOD);
    /* The first while away, and one for the four that passed together: three are missed. */
    CHECK_EQUAL(check_count(STORM_PORT), 2);
    pv_interrupts_enable();
    CHECK_EQUAL(ticks, 2);
    CHECK_EQUAL(tick_calls, 1);
    wait_for(3);
    for (uint32_t number = 4; number <= 8; number++) {
        uint32_t hundredths = wait_for(number);
        CHECK(hundredths >= 40 && hundredths <= 50);
    }
    uint32_t hundredths = wait_for(9);
    CHECK(hundredths >= 90 && hundredths <= 100);

    /* Far more than can be made up for. */
    pv_interrupts_disable();
    pv_timer_cancel();
    CHECK_EQUAL(pv_timer_every((uint64_t)SHORT_PERIOD * storm_unit_ns(), PV_TICK_SPREAD), 0);
    uint64_t now_ns = pv_now_ns();
    uint32_t before = check_count(STORM_PORT);
    storm(SHORT_PERIOD * AWAY);
    pv_interrupts_enable();
    while (pv_now_ns() - now_ns < (uint64_t)SHORT_PERIOD * 2 * AWAY * storm_unit_ns())
        pv_block();
    pv_timer_cancel();
    uint32_t events = check_count(STORM_PORT) - before;
    /* As many periods as before that pass by normally, and 64 made up for. */
    CHECK(events >= AWAY + 64 && events <= AWAY + 64 + 4);
}
