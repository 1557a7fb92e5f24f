/* Events that are raised while upcalls are masked stay pending and are counted; one upcall tells of all of them. */
#include "check.h"

GUEST(N1, pending_while_masked);

#define PORT 40u

static volatile uint32_t calls, events;

static void on_event(uint32_t port, uint32_t times)
{
    CHECK_EQUAL(port, PORT);
    calls++;
    events += times;
}

static uint32_t state(void)
{
    struct pv_event_status status;
    CHECK_EQUAL(pv_event_status(PORT, &status), 0);
    CHECK_EQUAL(status.binding, PV_BINDING_SELF);
    CHECK_EQUAL(status.count, check_count(PORT));
    return status.state;
}

void check(void)
{
    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    pv_interrupts_disable();
    CHECK_EQUAL(state(), 0);
    for (uint32_t event = 1; event <= 5; event++) {
        CHECK_EQUAL(pv_event_send(PORT), 0);
        CHECK_EQUAL(state(), PV_EVENT_PENDING);
        CHECK_EQUAL(check_count(PORT), event);
    }
    CHECK_EQUAL(calls, 0);
    pv_interrupts_enable();
    CHECK_EQUAL(calls, 1);
    CHECK_EQUAL(events, 5);
    CHECK_EQUAL(state(), 0);
    CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(calls, 2);
    CHECK_EQUAL(events, 6);
}
