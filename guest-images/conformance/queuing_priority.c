/* A queuing port that the configuration orders by priority: the most urgent message is received first, of equals the oldest. */
#include "message.h"

GUEST(P3, queuing_priority);

static const char name[] = "urgent";

static void send(uint32_t port, const char *letter, uint32_t priority)
{
    CHECK_EQUAL(call_by_page(PV_CALL_MESSAGE_PORT_SET_PRIORITY, port, priority, 0), 0);
    CHECK_EQUAL(message_call(PV_CALL_QUEUING_SEND, port, letter, 1, AT_ONCE), 0);
}

void check(void)
{
    int32_t port = message_open(name, PV_DIRECTION_SOURCE);
    CHECK(port >= 0);
    CHECK_EQUAL(call_by_page(PV_CALL_MESSAGE_PORT_SET_PRIORITY, port, 256, 0), PV_ERROR_INVALID_ARGUMENT);
    send(port, "c", 200);
    send(port, "a", 3);
    send(port, "d", 200);
    send(port, "b", 100);
    CHECK_EQUAL(system_wait_for_other(), 0);
}

void other(void)
{
    uint8_t byte[16];
    int32_t port = message_open(name, PV_DIRECTION_DESTINATION);
    for (uint32_t place = 0; place < 4; place++)
        if (message_call(PV_CALL_QUEUING_RECEIVE, port, byte, 16, AT_ONCE) != 1 || byte[0] != 'a' + place)
            pv_shutdown(1 + place);
}
