/* A port that is bound to a vector enters by the trap table, as an interrupt would: the core takes its event, no upcall comes,
   and the next one waits until the handler has acknowledged. */
#include "probe.h"

GUEST(D8, vectors);

#define VECTOR 0x28u

static volatile uint32_t entered, pending, mask;

static void on_vector(struct pv_trap_frame *frame)
{
    struct pv_event_status status;
    CHECK_EQUAL(frame->vector, VECTOR);
    CHECK_EQUAL(frame->eflags & PV_INTERRUPT_FLAG, PV_INTERRUPT_FLAG);
    CHECK_EQUAL(pv_event_status(PROBE_PORT, &status), 0);
    CHECK_EQUAL(status.state & PV_EVENT_IN_SERVICE, PV_EVENT_IN_SERVICE);
    pending = status.state & PV_EVENT_PENDING;
    mask = check_shared()->mask;
    entered++;
}

void check(void)
{
    probe_begin();
    CHECK_EQUAL(pv_trap_set(VECTOR, 0, on_vector), 0);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_VECTOR, PROBE_PORT, 31, 0), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_VECTOR, PROBE_PORT, PV_GATE, 0), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_VECTOR, PROBE_PORT, VECTOR, 0), 0);
    probe_make_due();
    CHECK_EQUAL(check_shared()->selector, 0);
    CHECK_EQUAL(entered, 0);
    pv_interrupts_enable();
    CHECK_EQUAL(entered, 1);
    CHECK_EQUAL(pending, 0);
    CHECK_EQUAL(mask, 1);
    CHECK_EQUAL(check_shared()->upcall_pending, 0);

    /* In service: the next waits for its acknowledgement, and is counted. */
    CHECK_EQUAL(pv_event_send(PROBE_PORT), 0);
    CHECK_EQUAL(entered, 1);
    CHECK_EQUAL(check_count(PROBE_PORT), 2);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_ACK, PROBE_PORT, 0, 0), 0);
    CHECK_EQUAL(entered, 2);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_ACK, PROBE_PORT, 0, 0), 0);
    CHECK_EQUAL(entered, 2);
    CHECK_EQUAL(probe.upcalls, 0);

    /* Back to upcalls. */
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_VECTOR, PROBE_PORT, 0, 0), 0);
    CHECK_EQUAL(pv_event_send(PROBE_PORT), 0);
    CHECK_EQUAL(probe.upcalls, 1);
    CHECK_EQUAL(entered, 2);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_ACK, PROBE_PORT, 0, 0), PV_ERROR_WRONG_BINDING);
}
