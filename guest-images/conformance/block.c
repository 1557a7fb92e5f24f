/* `block` enables and waits in one act: at once if an upcall is pending, else until one comes; and returns, with the mask
   0, after its handler. */
#include "check.h"

GUEST(I5, block);

#define PORT 2u
#define TIMER_PORT 3u
#define WAIT_NS 50000u

static volatile uint32_t own_events, timer_events, timer_calls, was_masked;
static uint64_t ticked_ns;

static void on_event(uint32_t port, uint32_t times)
{
    (void)port;
    own_events += times;
    was_masked = check_shared()->mask;
}

static void on_timer(uint32_t port, uint32_t times)
{
    (void)port;
    timer_calls++;
    timer_events += times;
    ticked_ns = pv_now_ns();
}

void check(void)
{
    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_TIMER, TIMER_PORT, on_timer), 0);
    pv_interrupts_disable();
    CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(own_events, 0);
    uint64_t before_ns = pv_now_ns();
    pv_block();
    CHECK_EQUAL(own_events, 1);
    CHECK_EQUAL(was_masked, 1);
    CHECK_EQUAL(check_shared()->mask, 0);
    CHECK(pv_now_ns() - before_ns < WAIT_NS);

    for (uint32_t enabled = 0; enabled < 2; enabled++) {
        uint64_t deadline_ns = pv_now_ns() + WAIT_NS;
        pv_interrupts_restore(enabled != 0 ? PV_INTERRUPT_FLAG : 0);
        CHECK_EQUAL(pv_timer_at(deadline_ns), 0);
        pv_block();
        CHECK_EQUAL(timer_events, enabled + 1);
        CHECK_EQUAL(timer_calls, enabled + 1);
        CHECK_EQUAL(check_shared()->mask, 0);
        CHECK(ticked_ns >= deadline_ns);
        CHECK(ticked_ns - deadline_ns < WAIT_NS / 2);
    }
}
