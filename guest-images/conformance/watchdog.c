/* The watchdog: an event for the health monitor if it is not set again in time; none if it is, or is disarmed. */
#include "system.h"

GUEST(H4, watchdog);

#define PORT 13u

static volatile uint32_t events;

static void on_health(uint32_t port, uint32_t times)
{
    (void)port;
    events += times;
}

static void set(uint64_t deadline_ns)
{
    CHECK_EQUAL(
        call_by_page(PV_CALL_WATCHDOG_SET, (uint32_t)deadline_ns, (uint32_t)(deadline_ns >> 32), 0), 0);
}

static void spin_until(uint64_t ns)
{
    while (pv_now_ns() < ns)
        continue;
}

void check(void)
{
    struct pv_health_entry entry;
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_HEALTH, PORT, on_health), 0);
    pv_interrupts_enable();
    uint64_t now_ns = pv_now_ns();
    for (uint32_t step = 1; step <= 5; step++) {
        set(now_ns + (step + 1) * 5 * MICROSECOND);
        spin_until(now_ns + step * 5 * MICROSECOND);
    }
    set(0);
    spin_until(now_ns + 50 * MICROSECOND);
    CHECK_EQUAL(events, 0);
    uint64_t deadline_ns = now_ns + 55 * MICROSECOND;
    set(deadline_ns);
    spin_until(deadline_ns);
    CHECK_EQUAL(events, 1);
    CHECK_EQUAL(call_by_page(PV_CALL_HEALTH_READ, 0, check_address(&entry), 0), 0);
    CHECK_EQUAL(entry.event, PV_HEALTH_WATCHDOG);
    CHECK(entry.time_ns >= deadline_ns && entry.time_ns < deadline_ns + MICROSECOND);
    /* Once. */
    spin_until(deadline_ns + 10 * MICROSECOND);
    CHECK_EQUAL(events, 1);
}
