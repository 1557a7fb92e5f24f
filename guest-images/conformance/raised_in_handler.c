/* What is raised while a handler runs, on its own port or another, waits until the handler has returned, and comes then. */
#include "check.h"

GUEST(N4, raised_in_handler);

#define FIRST 8u
#define SECOND 900u

static volatile uint32_t upcalls, depth, deepest, first_events, second_events;

static void on_first(uint32_t port, uint32_t times)
{
    (void)port;
    if (++depth > deepest)
        deepest = depth;
    first_events += times;
    if (first_events < 5) {
        pv_event_send(SECOND);
        pv_event_send(FIRST);
    }
    depth--;
}

static void on_second(uint32_t port, uint32_t times)
{
    (void)port;
    if (++depth > deepest)
        deepest = depth;
    second_events += times;
    depth--;
}

static void after_events(void)
{
    upcalls++;
}

void check(void)
{
    CHECK_EQUAL(pv_event_bind_self(FIRST, on_first), 0);
    CHECK_EQUAL(pv_event_bind_self(SECOND, on_second), 0);
    pv_set_after_events(after_events);
    pv_interrupts_enable();
    CHECK_EQUAL(pv_event_send(FIRST), 0);
    /* An upcall that became due in the last one comes one instruction after its return. */
    __asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop" : : : "memory");
    CHECK_EQUAL(first_events, 5);
    CHECK_EQUAL(second_events, 4);
    CHECK_EQUAL(deepest, 1);
    CHECK(upcalls >= 2);
    CHECK_EQUAL(check_shared()->upcall_pending, 0);
    CHECK_EQUAL(check_count(FIRST), 5);
    CHECK_EQUAL(check_count(SECOND), 4);
}
