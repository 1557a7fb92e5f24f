/* Of several events that enter by vectors the most urgent goes first; one in service holds back itself and what is not more
   urgent, and a more urgent one interrupts it. */
#include "check.h"

GUEST(D9, vector_priorities);

#define PORTS 3u

static const uint32_t priorities[PORTS] = {9, 2, 5};
static volatile uint32_t order, depth, deepest;

/* Vectors 30h and on, one for each port from 0. The first handler lets others in before it acknowledges. */
static void on_vector(struct pv_trap_frame *frame)
{
    uint32_t port = frame->vector - 0x28;
    order = order << 4 | (port + 1);
    if (++depth > deepest)
        deepest = depth;
    if (port == 2) {
        /* Ports 0 (less urgent) and 1 (more urgent) come due while this one is in service. */
        CHECK_EQUAL(pv_event_send(0), 0);
        CHECK_EQUAL(pv_event_send(1), 0);
        pv_interrupts_enable();
        pv_interrupts_disable();
        order = order << 4 | 0xe;
    }
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_ACK, port, 0, 0), 0);
    depth--;
}

static void nothing(uint32_t port, uint32_t times)
{
    (void)port, (void)times;
}

void check(void)
{
    for (uint32_t port = 0; port < PORTS; port++) {
        CHECK_EQUAL(pv_event_bind_self(port, nothing), 0);
        CHECK_EQUAL(pv_trap_set(0x28 + port, 0, on_vector), 0);
        CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_VECTOR, port, 0x28 + port, 0), 0);
        CHECK_EQUAL(call_by_page(PV_CALL_EVENT_SET_PRIORITY, port, PV_PRIORITIES, 0), PV_ERROR_INVALID_ARGUMENT);
        CHECK_EQUAL(call_by_page(PV_CALL_EVENT_SET_PRIORITY, port, priorities[port], 0), 0);
    }
    /* All due at once: 1, then 2, then 0; port 2 raises 0 and 1 again. */
    pv_interrupts_disable();
    for (uint32_t port = 0; port < PORTS; port++)
        CHECK_EQUAL(pv_event_send(port), 0);
    pv_interrupts_enable();
    __asm__ volatile("nop\n\tnop\n\tnop\n\tnop" : : : "memory");
    CHECK_EQUAL(order, 0x232e1);
    CHECK_EQUAL(deepest, 2);
    CHECK_EQUAL(check_shared()->upcall_pending, 0);
    CHECK_EQUAL(check_count(0), 2);
}
