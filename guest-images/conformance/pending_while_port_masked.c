/* An event on a masked port causes no upcall, stays pending and is counted; unmasking the port by the call delivers. */
#include "check.h"

GUEST(N2, pending_while_port_masked);

#define PORT 41u
#define OTHER_PORT 42u

static volatile uint32_t calls, events, other_events;

static void on_event(uint32_t port, uint32_t times)
{
    (void)port;
    calls++;
    events += times;
}

static void on_other_event(uint32_t port, uint32_t times)
{
    (void)port;
    other_events += times;
}

void check(void)
{
    struct pv_event_status status;
    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    CHECK_EQUAL(pv_event_bind_self(OTHER_PORT, on_other_event), 0);
    CHECK_EQUAL(pv_event_mask(PORT), 0);
    pv_interrupts_disable();
    for (uint32_t event = 0; event < 3; event++)
        CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(check_shared()->upcall_pending, 0);
    CHECK_EQUAL(check_shared()->selector, 0);
    pv_interrupts_enable();
    CHECK_EQUAL(pv_event_status(PORT, &status), 0);
    CHECK_EQUAL(status.state, PV_EVENT_PENDING | PV_EVENT_MASKED);
    CHECK_EQUAL(status.count, 3);
    /* Another port's event does not carry the masked one along. */
    CHECK_EQUAL(pv_event_send(OTHER_PORT), 0);
    CHECK_EQUAL(other_events, 1);
    CHECK_EQUAL(calls, 0);
    CHECK_EQUAL(pv_event_unmask(PORT), 0);
    CHECK_EQUAL(calls, 1);
    CHECK_EQUAL(events, 3);
    CHECK_EQUAL(check_shared()->event_mask[PORT / 32], 0);
    /* Nothing is pending now: unmasking again makes no upcall. */
    CHECK_EQUAL(pv_event_unmask(PORT), 0);
    CHECK_EQUAL(calls, 1);
}
