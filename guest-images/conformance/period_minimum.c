/* A period under a microsecond is an error, and changes nothing. */
#include "check.h"

GUEST(T8, period_minimum);

#define PORT 1u

static volatile uint32_t calls;

static void on_tick(uint32_t port, uint32_t times)
{
    (void)port;
    (void)times;
    calls++;
}

void check(void)
{
    CHECK_EQUAL(pv_timer_every(PV_PERIOD_MINIMUM_NS, PV_TICK_ONE), PV_ERROR_NOT_BOUND);
    CHECK_EQUAL(pv_timer_at(5), PV_ERROR_NOT_BOUND);
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_TIMER, PORT, on_tick), 0);
    uint64_t deadline_ns = pv_now_ns() + 30000;
    CHECK_EQUAL(pv_timer_at(deadline_ns), 0);
    for (uint32_t policy = PV_TICK_ONE; policy <= PV_TICK_LOSE; policy++) {
        CHECK_EQUAL(pv_timer_every(0, policy), PV_ERROR_PERIOD_TOO_SHORT);
        CHECK_EQUAL(pv_timer_every(1, policy), PV_ERROR_PERIOD_TOO_SHORT);
        CHECK_EQUAL(pv_timer_every(PV_PERIOD_MINIMUM_NS - 1, policy), PV_ERROR_PERIOD_TOO_SHORT);
    }
    CHECK_EQUAL(pv_timer_every(0xffffffffffffffffu, PV_TICK_ONE), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(pv_timer_every(50000, PV_TICK_LOSE + 1), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(calls, 0);
    /* The one-shot was not replaced. */
    pv_block();
    CHECK_EQUAL(calls, 1);
    CHECK(pv_now_ns() >= deadline_ns);
    CHECK_EQUAL(pv_timer_every(PV_PERIOD_MINIMUM_NS, PV_TICK_ONE), 0);
    pv_timer_cancel();
}
