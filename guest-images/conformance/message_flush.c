/* When a message is seen is configured: at once, at the end of the writer's window or of the major frame. A sample's age is
   counted from then; what waits in a queue takes up its place and comes in order. */
#include "message.h"

GUEST(P4, message_flush);

static const char *const names[] = {"at once", "at window", "at frame"};

void check(void)
{
    struct pv_message_port_status status;
    int32_t queue = message_open("later", PV_DIRECTION_SOURCE);
    CHECK(queue >= 0);
    for (uint32_t channel = 0; channel < 3; channel++) {
        int32_t port = message_open(names[channel], PV_DIRECTION_SOURCE);
        CHECK(port >= 0);
        uint64_t now_ns = pv_now_ns();
        CHECK_EQUAL(message_call(PV_CALL_SAMPLING_WRITE, port, &now_ns, sizeof now_ns, 0), 0);
    }
    CHECK_EQUAL(message_call(PV_CALL_QUEUING_SEND, queue, "a", 1, AT_ONCE), 0);
    CHECK_EQUAL(message_call(PV_CALL_QUEUING_SEND, queue, "b", 1, AT_ONCE), 0);
    CHECK_EQUAL(message_call(PV_CALL_QUEUING_SEND, queue, "c", 1, AT_ONCE), PV_ERROR_NOT_AVAILABLE);
    CHECK_EQUAL(call_by_page(PV_CALL_MESSAGE_PORT_STATUS, queue, check_address(&status), 0), 0);
    CHECK_EQUAL(status.messages, 2);
    CHECK_EQUAL(system_wait_for_other(), 0);
    CHECK_EQUAL(call_by_page(PV_CALL_MESSAGE_PORT_STATUS, queue, check_address(&status), 0), 0);
    CHECK_EQUAL(status.messages, 0);
}

/* Reads a sample and returns since when it could be seen; 0 if there is none. */
static uint64_t seen_since(const char *name, uint64_t *written_ns)
{
    uint8_t buffer[16];
    struct pv_sample_info info;
    int32_t port = message_open(name, PV_DIRECTION_DESTINATION);
    uint64_t now_ns = pv_now_ns();
    if (message_call(PV_CALL_SAMPLING_READ, port, buffer, sizeof buffer, check_address(&info)) != 8)
        return 0;
    __builtin_memcpy(written_ns, buffer, 8);
    return now_ns - info.age_ns;
}

static int32_t receive(uint32_t queue)
{
    uint8_t buffer[16];
    int32_t length = message_call(PV_CALL_QUEUING_RECEIVE, queue, buffer, sizeof buffer, AT_ONCE);
    return length == 1 ? buffer[0] : length;
}

static uint32_t is_near(uint64_t ns, uint64_t expected_ns)
{
    return ns + MICROSECOND > expected_ns && ns < expected_ns + MICROSECOND;
}

void other(void)
{
    uint64_t written_ns = 0;
    uint32_t queue = message_open("later", PV_DIRECTION_DESTINATION);
    uint64_t at_once_ns = seen_since("at once", &written_ns);
    if (at_once_ns == 0 || !is_near(at_once_ns, written_ns))
        pv_shutdown(1);
    if (!is_near(seen_since("at window", &written_ns), WINDOW_NS))
        pv_shutdown(2);
    if (seen_since("at frame", &written_ns) != 0 || receive(queue) != PV_ERROR_NOT_AVAILABLE)
        pv_shutdown(3);
    system_next_window();
    if (!is_near(seen_since("at frame", &written_ns), FRAME_NS))
        pv_shutdown(4);
    if (receive(queue) != 'a' || receive(queue) != 'b' || receive(queue) != PV_ERROR_NOT_AVAILABLE)
        pv_shutdown(5);
}
