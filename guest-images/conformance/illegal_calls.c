/* More failing calls than the configured rate are an event for the health monitor, which propagates it; as many as the rate are
   none, and an answer such as `not_available` does not count. The rate of the subject is 20 in 100 us. */
#include "message.h"

GUEST(H7, illegal_calls);

#define PORT 13u
#define MOST 20u
#define PERIOD_NS (100 * MICROSECOND)

static volatile uint32_t events;

static void on_health(uint32_t port, uint32_t times)
{
    (void)port;
    events += times;
}

static void fail(uint32_t calls)
{
    for (uint32_t call = 0; call < calls; call++)
        CHECK_EQUAL(call_by_page(PV_CALL_EVENT_SEND, PV_EVENT_PORTS, 0, 0), PV_ERROR_NO_SUCH_PORT);
}

void check(void)
{
    uint8_t buffer[16];
    struct pv_health_entry entry;
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_HEALTH, PORT, on_health), 0);
    int32_t orders = message_open("orders", PV_DIRECTION_DESTINATION);
    CHECK(orders >= 0);
    pv_interrupts_enable();
    fail(MOST);
    for (uint32_t call = 0; call < 2 * MOST; call++)
        CHECK_EQUAL(
            message_call(PV_CALL_QUEUING_RECEIVE, orders, buffer, sizeof buffer, AT_ONCE), PV_ERROR_NOT_AVAILABLE);
    CHECK_EQUAL(events, 0);
    fail(1);
    CHECK_EQUAL(events, 1);
    CHECK_EQUAL(call_by_page(PV_CALL_HEALTH_READ, 0, check_address(&entry), 0), 0);
    CHECK_EQUAL(entry.partition, 0);
    CHECK_EQUAL(entry.event, PV_HEALTH_ILLEGAL_CALLS);
    CHECK_EQUAL(entry.action, PV_ACTION_PROPAGATE);
    CHECK_EQUAL(entry.detail, 0);
    CHECK_EQUAL(entry.message_length, 0);

    /* As many in each period are no event. */
    for (uint32_t period = 0; period < 3; period++) {
        uint64_t begin_ns = pv_now_ns();
        fail(MOST / 2);
        while (pv_now_ns() < begin_ns + PERIOD_NS)
            continue;
    }
    CHECK_EQUAL(events, 1);
}
