/* `poll` returns the first listed port that is pending, whatever masks it, takes nothing, and gives up at its deadline; upcalls
   that are enabled come meanwhile. */
#include "check.h"

GUEST(I8, poll);

#define FIRST 10u
#define SECOND 20u
#define TIMER_PORT 30u

static const struct pv_poll_entry ports[] = {{FIRST}, {SECOND}};
static volatile uint32_t handled;

static void on_event(uint32_t port, uint32_t times)
{
    (void)port;
    handled += times;
}

static int32_t poll(uint64_t deadline_ns)
{
    uint32_t eax = PV_CALL_POLL;
    __asm__ volatile("int $0x82"
                     : "+a"(eax)
                     : "b"(ports), "c"(2), "d"((uint32_t)deadline_ns), "S"((uint32_t)(deadline_ns >> 32))
                     : "memory");
    return (int32_t)eax;
}

void check(void)
{
    CHECK_EQUAL(poll(0), PV_ERROR_NOT_BOUND);
    CHECK_EQUAL(pv_event_bind_self(FIRST, on_event), 0);
    CHECK_EQUAL(pv_event_bind_self(SECOND, on_event), 0);
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_TIMER, TIMER_PORT, on_event), 0);
    pv_interrupts_disable();
    CHECK_EQUAL(poll(0), PV_ERROR_TIMED_OUT);
    CHECK_EQUAL(pv_event_mask(SECOND), 0);
    CHECK_EQUAL(pv_event_send(SECOND), 0);
    CHECK_EQUAL(poll(~0ull), SECOND);
    CHECK_EQUAL(poll(~0ull), SECOND);
    CHECK_EQUAL(pv_event_send(FIRST), 0);
    CHECK_EQUAL(poll(~0ull), FIRST);
    CHECK_EQUAL(pv_take(FIRST), 1);
    CHECK_EQUAL(pv_take(SECOND), 1);

    uint64_t deadline_ns = pv_now_ns() + 50000;
    CHECK_EQUAL(pv_timer_at(deadline_ns - 20000), 0);
    pv_interrupts_enable();
    CHECK_EQUAL(poll(deadline_ns), PV_ERROR_TIMED_OUT);
    CHECK(pv_now_ns() >= deadline_ns && pv_now_ns() < deadline_ns + 5000);
    CHECK_EQUAL(handled, 1);
    CHECK_EQUAL(check_shared()->mask, 0);
}
