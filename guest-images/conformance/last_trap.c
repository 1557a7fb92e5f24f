/* The shared page tells of the last trap that entered a handler, whatever it was: a fault with an error code, INT n, a raised
   one, an event by a vector; not of an upcall, and not of a call that is refused. */
#include "fault.h"

GUEST(X11, last_trap);

#define PORT 5u
#define VECTOR 0x28u

static void on_other(struct pv_trap_frame *frame)
{
    (void)frame;
}

static void on_event(uint32_t port, uint32_t times)
{
    (void)port, (void)times;
}

static void check_last(uint32_t vector, uint32_t error_code, uint32_t eip)
{
    volatile struct pv_shared_page *shared = check_shared();
    CHECK_EQUAL(shared->trap_entered, 1);
    CHECK_EQUAL(shared->trap_vector, vector);
    CHECK_EQUAL(shared->trap_error_code, error_code);
    CHECK_EQUAL(shared->trap_eip, eip);
    shared->trap_entered = 0;
}

void check(void)
{
    volatile struct pv_shared_page *shared = check_shared();
    CHECK_EQUAL(shared->trap_entered, 0);
    fault_expect(13);
    CHECK_EQUAL(pv_trap_set(VECTOR, PV_TRAP_USER, on_other), 0);
    CHECK_EQUAL(pv_trap_set(17, 0, on_other), 0);
    TRY("movw %w[b], %%ds", [b] "b"(0x1b));
    check_last(13, 0x18, try_at);
    TRY("int $0x28", );
    check_last(VECTOR, 0, try_next);
    CHECK_EQUAL(call_by_gate(PV_CALL_TRAP_RAISE, 17, 0x55, 0), 0);
    CHECK_EQUAL(shared->trap_vector, 17);
    CHECK_EQUAL(shared->trap_error_code, 0x55);
    shared->trap_entered = 0;

    CHECK_EQUAL(call_by_gate(PV_CALL_TRAP_RAISE, 12, 0, 0), PV_ERROR_NO_HANDLER);
    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    pv_interrupts_enable();
    CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(shared->trap_entered, 0);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_VECTOR, PORT, VECTOR, 0), 0);
    CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(shared->trap_entered, 1);
    CHECK_EQUAL(shared->trap_vector, VECTOR);
    CHECK_EQUAL(shared->trap_error_code, 0);
}
