/* Upcalls with nothing to do: the guest asks for one itself, and its handlers are not called for nothing. */
#include "check.h"

GUEST(D7, spurious_upcalls);

#define PORT 33u

static volatile uint32_t upcalls, calls, events;

static void on_event(uint32_t port, uint32_t times)
{
    (void)port;
    calls++;
    events += times;
}

static void after_events(void)
{
    upcalls++;
}

void check(void)
{
    volatile struct pv_shared_page *shared = check_shared();
    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    pv_set_after_events(after_events);
    pv_interrupts_enable();

    shared->upcall_pending = 1;
    CHECK_EQUAL(upcalls, 1);
    shared->selector = 0xffffffff;
    CHECK_EQUAL(upcalls, 1);
    shared->upcall_pending = 0x80000000;
    CHECK_EQUAL(upcalls, 2);
    CHECK_EQUAL(calls, 0);

    /* A pending bit that the guest set itself says nothing of events. */
    shared->event_pending[PORT / 32] = 1u << PORT % 32;
    shared->selector = 1u << PORT / 32;
    shared->upcall_pending = 1;
    CHECK_EQUAL(calls, 1);
    CHECK_EQUAL(events, 0);
    CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(events, 1);
}
