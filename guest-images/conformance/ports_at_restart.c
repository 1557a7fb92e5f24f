/* What becomes of messages when an end starts again: its ports are closed, the queues to it are empty, what it wrote and nobody
   could see is gone, it has read no sample; a sample that could be seen outlives its writer. */
#include "message.h"

GUEST(P5, ports_at_restart);

static uint32_t waiting(uint32_t port)
{
    struct pv_message_port_status status;
    CHECK_EQUAL(call_by_page(PV_CALL_MESSAGE_PORT_STATUS, port, check_address(&status), 0), 0);
    return status.messages;
}

static uint32_t open(const char *name, uint32_t direction)
{
    int32_t port = message_open(name, direction);
    CHECK(port >= 0);
    return port;
}

/* Reads the sample of the other partition, and returns whether it is new. */
static uint32_t reads_new(uint32_t port)
{
    uint8_t buffer[16];
    struct pv_sample_info info;
    CHECK_EQUAL(message_call(PV_CALL_SAMPLING_READ, port, buffer, sizeof buffer, check_address(&info)), 3);
    CHECK_EQUAL(buffer[2], 'd');
    return info.is_new;
}

static int32_t receive(uint32_t port)
{
    uint8_t buffer[16];
    return message_call(PV_CALL_QUEUING_RECEIVE, port, buffer, sizeof buffer, AT_ONCE);
}

static void first_start(void)
{
    uint32_t orders = open("orders", PV_DIRECTION_DESTINATION), later = open("later", PV_DIRECTION_SOURCE);
    uint32_t state = open("state", PV_DIRECTION_DESTINATION);
    CHECK_EQUAL(system_wait_for_other(), 0);
    CHECK_EQUAL(reads_new(state), 1);
    CHECK_EQUAL(reads_new(state), 0);
    CHECK_EQUAL(receive(orders), 3);
    CHECK_EQUAL(waiting(orders), 1);
    CHECK_EQUAL(message_call(PV_CALL_QUEUING_SEND, later, "held", 4, AT_ONCE), 0);
    CHECK_EQUAL(waiting(later), 1);
    call_by_page(PV_CALL_PARTITION_SET_MODE, PV_MODE_WARM_START, 0, 0);
    check_failed(__LINE__, "the subject did not start again");
}

/* The other partition, as a reader and as a writer. */
static void start_other_again(uint32_t state)
{
    uint32_t urgent = open("urgent", PV_DIRECTION_SOURCE);
    for (uint32_t message = 0; message < 4; message++)
        CHECK_EQUAL(message_call(PV_CALL_QUEUING_SEND, urgent, "full", 4, AT_ONCE), 0);
    CHECK_EQUAL(message_call(PV_CALL_QUEUING_SEND, urgent, "full", 4, AT_ONCE), PV_ERROR_NOT_AVAILABLE);
    CHECK_EQUAL(call_by_page(PV_CALL_PARTITION_CONTROL, 1, PV_CONTROL_COLD_RESTART, 0), 0);
    CHECK_EQUAL(waiting(urgent), 0);
    CHECK_EQUAL(reads_new(state), 0);
    CHECK_EQUAL(system_wait_for_other(), 0);
}

void check(void)
{
    struct pv_message_port_status status;
    if (pv_start_info->restart_count == 0)
        first_start();
    CHECK_EQUAL(call_by_page(PV_CALL_MESSAGE_PORT_STATUS, 0, check_address(&status), 0), PV_ERROR_NO_SUCH_OBJECT);
    uint32_t orders = open("orders", PV_DIRECTION_DESTINATION), later = open("later", PV_DIRECTION_SOURCE);
    uint32_t state = open("state", PV_DIRECTION_DESTINATION);
    CHECK_EQUAL(waiting(orders), 0);
    CHECK_EQUAL(receive(orders), PV_ERROR_NOT_AVAILABLE);
    CHECK_EQUAL(waiting(later), 0);
    CHECK_EQUAL(reads_new(state), 1);
    start_other_again(state);
}

void other(void)
{
    uint8_t buffer[16];
    if (pv_start_info->restart_count != 0) {
        uint32_t urgent = message_open("urgent", PV_DIRECTION_DESTINATION);
        if (message_call(PV_CALL_QUEUING_RECEIVE, urgent, buffer, sizeof buffer, AT_ONCE) != PV_ERROR_NOT_AVAILABLE)
            pv_shutdown(1);
        return;
    }
    uint32_t orders = message_open("orders", PV_DIRECTION_SOURCE), state = message_open("state", PV_DIRECTION_SOURCE);
    for (uint32_t message = 0; message < 2; message++)
        if (message_call(PV_CALL_QUEUING_SEND, orders, "one", 3, AT_ONCE) != 0)
            pv_shutdown(2);
    if (message_call(PV_CALL_SAMPLING_WRITE, state, "old", 3, 0) != 0)
        pv_shutdown(3);
}
