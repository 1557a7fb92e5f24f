/* An interrupt line that fires while its owner is not scheduled stays pending, is counted, and is delivered when the owner's
   window begins; a line of somebody else cannot be bound. */
#include "system.h"

GUEST(E1, line_while_away);

#define PORT 21u

static volatile uint32_t calls, events;
static uint64_t told_ns;

static void on_line(uint32_t port, uint32_t times)
{
    (void)port;
    calls++;
    events += times;
    told_ns = pv_now_ns();
}

void check(void)
{
    uint32_t count;
    struct pv_event_status status;
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_LINE, OTHER_LINE, PORT, check_address(&count)), PV_ERROR_NO_SUCH_OBJECT);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_LINE, 77, PORT, check_address(&count)), PV_ERROR_NO_SUCH_OBJECT);
    /* The layer knows no lines: its handler is set with a binding of its own, which is taken back. */
    CHECK_EQUAL(pv_event_bind_self(PORT, on_line), 0);
    CHECK_EQUAL(pv_event_unbind(PORT), 0);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_LINE, SUBJECT_LINE, PORT, check_address(&count)), 0);
    pv_interrupts_enable();
    CHECK(pv_now_ns() < WINDOW_NS);
    system_next_window();
    CHECK_EQUAL(calls, 1);
    CHECK_EQUAL(events, 3);
    CHECK_EQUAL(check_count(PORT), 3);
    CHECK(told_ns >= FRAME_NS && told_ns < FRAME_NS + 2 * MICROSECOND);
    CHECK_EQUAL(pv_event_status(PORT, &status), 0);
    CHECK_EQUAL(status.binding, PV_BINDING_LINE);
    CHECK_EQUAL(status.interrupt, SUBJECT_LINE);
    CHECK_EQUAL(pv_event_send(PORT), PV_ERROR_WRONG_BINDING);
}
