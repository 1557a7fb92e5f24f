/* The one-shot: one event, not before its instant and not long after; an instant that has passed raises it at once; setting
   it again replaces it, cancelling takes it back. */
#include "check.h"

GUEST(T1, one_shot);

#define PORT 1u
#define WAIT_NS 20000u

static volatile uint32_t events;
static uint64_t ticked_ns;

static void on_tick(uint32_t port, uint32_t times)
{
    (void)port;
    events += times;
    ticked_ns = pv_now_ns();
}

static void spin_until(uint64_t ns)
{
    while (pv_now_ns() < ns)
        continue;
}

void check(void)
{
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_TIMER, PORT, on_tick), 0);
    pv_interrupts_enable();
    uint64_t deadline_ns = pv_now_ns() + WAIT_NS;
    CHECK_EQUAL(pv_timer_at(deadline_ns), 0);
    spin_until(deadline_ns + WAIT_NS);
    CHECK_EQUAL(events, 1);
    CHECK(ticked_ns >= deadline_ns);
    /* The upcall takes the instructions of the layer. */
    CHECK(ticked_ns - deadline_ns < 5000);

    CHECK_EQUAL(pv_timer_at(deadline_ns), 0);
    CHECK_EQUAL(events, 2);
    CHECK_EQUAL(pv_timer_at(0), 0);
    CHECK_EQUAL(events, 3);

    deadline_ns = pv_now_ns() + WAIT_NS;
    CHECK_EQUAL(pv_timer_at(deadline_ns + WAIT_NS), 0);
    CHECK_EQUAL(pv_timer_at(deadline_ns), 0);
    spin_until(deadline_ns);
    CHECK_EQUAL(events, 4);
    spin_until(deadline_ns + 2 * WAIT_NS);
    CHECK_EQUAL(events, 4);

    deadline_ns = pv_now_ns() + WAIT_NS;
    CHECK_EQUAL(pv_timer_at(deadline_ns), 0);
    CHECK_EQUAL(pv_timer_cancel(), 0);
    CHECK_EQUAL(pv_timer_cancel(), 0);
    spin_until(deadline_ns + WAIT_NS);
    CHECK_EQUAL(events, 4);
}
