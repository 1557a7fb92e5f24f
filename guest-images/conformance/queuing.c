/* A queuing port: messages keep their boundaries and their order, each is received once, a full queue refuses or waits, and
   an event tells that there is something. */
#include "message.h"

GUEST(P2, queuing);

#define PORT 50u

static const char name[] = "orders";
static volatile uint32_t events;

static void on_message(uint32_t port, uint32_t times)
{
    (void)port;
    events += times;
}

static int32_t receive(uint32_t port, uint8_t *buffer, uint64_t deadline_ns)
{
    return message_call(PV_CALL_QUEUING_RECEIVE, port, buffer, 16, deadline_ns);
}

void check(void)
{
    uint8_t buffer[16];
    uint32_t count;
    int32_t port = message_open(name, PV_DIRECTION_DESTINATION);
    CHECK(port >= 0);
    CHECK_EQUAL(pv_event_bind_self(PORT, on_message), 0);
    CHECK_EQUAL(pv_event_unbind(PORT), 0);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_MESSAGE_PORT, port, PORT, check_address(&count)), 0);
    CHECK_EQUAL(receive(port, buffer, AT_ONCE), PV_ERROR_NOT_AVAILABLE);
    uint64_t deadline_ns = pv_now_ns() + 10 * MICROSECOND;
    CHECK_EQUAL(receive(port, buffer, deadline_ns), PV_ERROR_TIMED_OUT);
    CHECK(pv_now_ns() >= deadline_ns);

    pv_interrupts_enable();
    /* The other end sends messages of 1, 2 and 3 bytes, and waits for a place for the one of 4. */
    for (int32_t length = 1; length <= 4; length++) {
        CHECK_EQUAL(receive(port, buffer, FOR_EVER), length);
        CHECK_EQUAL(buffer[0], 'a' + length - 1);
    }
    CHECK(events != 0);
    CHECK_EQUAL(system_wait_for_other(), 0);
    /* One more was sent, and is dropped. */
    CHECK_EQUAL(call_by_page(PV_CALL_MESSAGE_PORT_CLEAR, port, 0, 0), 1);
    CHECK_EQUAL(receive(port, buffer, AT_ONCE), PV_ERROR_NOT_AVAILABLE);
    CHECK_EQUAL(call_by_page(PV_CALL_MESSAGE_PORT_CLEAR, port, 0, 0), 0);
}

void other(void)
{
    int32_t port = message_open(name, PV_DIRECTION_SOURCE);
    if (port < 0 || call_by_page(PV_CALL_MESSAGE_PORT_SET_PRIORITY, port, 1, 0) != PV_ERROR_WRONG_KIND)
        pv_shutdown(1);
    for (uint32_t length = 1; length <= 3; length++)
        if (message_call(PV_CALL_QUEUING_SEND, port, &"abbccc"[length * (length - 1) / 2], length, AT_ONCE) != 0)
            pv_shutdown(2);
    if (message_call(PV_CALL_QUEUING_SEND, port, "dddd", 4, AT_ONCE) != PV_ERROR_NOT_AVAILABLE)
        pv_shutdown(3);
    if (message_call(PV_CALL_QUEUING_SEND, port, "dddd", 4, FOR_EVER) != 0)
        pv_shutdown(4);
    if (message_call(PV_CALL_QUEUING_SEND, port, "eeeee", 5, FOR_EVER) != 0)
        pv_shutdown(5);
}
