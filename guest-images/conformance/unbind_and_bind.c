/* Unbinding frees a port, clears its pending and mask bits and drops what waited; the count stays, and whoever binds the
   port next begins to count from it. */
#include "check.h"

GUEST(N6, unbind_and_bind);

#define PORT 64u

static volatile uint32_t calls, events;

static void on_event(uint32_t port, uint32_t times)
{
    (void)port;
    calls++;
    events += times;
}

void check(void)
{
    volatile struct pv_shared_page *shared = check_shared();
    uint32_t first_count = 99;
    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    pv_interrupts_disable();
    CHECK_EQUAL(pv_event_mask(PORT), 0);
    for (uint32_t event = 0; event < 3; event++)
        CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(pv_event_unbind(PORT), 0);
    CHECK_EQUAL(shared->event_pending[PORT / 32], 0);
    CHECK_EQUAL(shared->event_mask[PORT / 32], 0);
    CHECK_EQUAL(check_count(PORT), 3);
    CHECK_EQUAL(pv_event_send(PORT), PV_ERROR_NOT_BOUND);
    CHECK_EQUAL(pv_event_mask(PORT), PV_ERROR_NOT_BOUND);
    CHECK_EQUAL(pv_event_unbind(PORT), PV_ERROR_NOT_BOUND);

    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_SELF, PORT, check_address(&first_count), 0), 0);
    CHECK_EQUAL(first_count, 3);
    CHECK_EQUAL(pv_event_unbind(PORT), 0);
    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    pv_interrupts_enable();
    CHECK_EQUAL(calls, 0);
    CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(events, 1);

    CHECK_EQUAL(pv_event_unbind(PORT), 0);
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_TIMER, PORT, on_event), 0);
    CHECK_EQUAL(pv_event_unbind(PORT), 0);
    CHECK_EQUAL(pv_timer_at(0), PV_ERROR_NOT_BOUND);
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_TIMER, PORT + 1, on_event), 0);
}
