/* A sampling port: the last message counts, can be read again and again, and is valid for the refresh period; who is at the
   other end cannot write. */
#include "message.h"

GUEST(P1, sampling);

static const char name[] = "state";

static int32_t read(uint32_t port, uint8_t *buffer, uint32_t length, struct pv_sample_info *info)
{
    return message_call(PV_CALL_SAMPLING_READ, port, buffer, length, check_address(info));
}

void check(void)
{
    uint8_t buffer[16];
    struct pv_sample_info info;
    struct pv_message_port_status status;
    CHECK_EQUAL(message_open("nothing", PV_DIRECTION_DESTINATION), PV_ERROR_NO_SUCH_OBJECT);
    CHECK_EQUAL(message_open(name, PV_DIRECTION_SOURCE), PV_ERROR_WRONG_DIRECTION);
    int32_t port = message_open(name, PV_DIRECTION_DESTINATION);
    CHECK(port >= 0);
    CHECK_EQUAL(message_open(name, PV_DIRECTION_DESTINATION), port);
    CHECK_EQUAL(read(port, buffer, 16, &info), PV_ERROR_NOT_AVAILABLE);
    CHECK_EQUAL(message_call(PV_CALL_SAMPLING_WRITE, port, buffer, 4, 0), PV_ERROR_WRONG_DIRECTION);
    CHECK_EQUAL(message_call(PV_CALL_QUEUING_RECEIVE, port, buffer, 16, AT_ONCE), PV_ERROR_WRONG_KIND);

    CHECK_EQUAL(system_wait_for_other(), 0);
    CHECK_EQUAL(read(port, buffer, 15, &info), PV_ERROR_TOO_SHORT);
    for (uint32_t again = 0; again < 2; again++) {
        CHECK_EQUAL(read(port, buffer, 16, &info), 2);
        CHECK_EQUAL(buffer[0], 'n');
        CHECK_EQUAL(buffer[1], 'o');
    }
    CHECK_EQUAL(call_by_page(PV_CALL_MESSAGE_PORT_STATUS, port, check_address(&status), 0), 0);
    CHECK_EQUAL(status.kind, PV_MESSAGE_SAMPLING);
    CHECK_EQUAL(status.message_bytes, 16);
    CHECK_EQUAL(status.valid, 1);
    system_next_window();
    CHECK_EQUAL(call_by_page(PV_CALL_MESSAGE_PORT_STATUS, port, check_address(&status), 0), 0);
    CHECK_EQUAL(status.valid, 0);
    CHECK_EQUAL(read(port, buffer, 16, &info), 2);
}

void other(void)
{
    int32_t port = message_open(name, PV_DIRECTION_SOURCE);
    if (port < 0 || message_call(PV_CALL_SAMPLING_WRITE, port, "first", 5, 0) != 0)
        pv_shutdown(1);
    if (message_call(PV_CALL_SAMPLING_WRITE, port, "seventeen letters", 17, 0) != PV_ERROR_TOO_LONG)
        pv_shutdown(2);
    if (message_call(PV_CALL_SAMPLING_WRITE, port, "no", 2, 0) != 0)
        pv_shutdown(3);
}
