/* A partition sets its own mode: starting again cold or warm says why and keeps what it should, halting ends it without a
   code; and a request to shut down is an event that it may answer. */
#include "system.h"

GUEST(H6, modes);

#define PORT 3u
#define ANSWER 42u

static int32_t set_mode(uint32_t mode)
{
    return call_by_page(PV_CALL_PARTITION_SET_MODE, mode, 0, 0);
}

static void wait_for_state(struct pv_partition_status *status, uint32_t state)
{
    for (uint32_t frames = 0; frames < 10; frames++) {
        system_status(1, status);
        if (status->state == state)
            return;
        pv_yield();
    }
    check_failed(__LINE__, "the other partition did not come so far in ten frames");
}

void check(void)
{
    struct pv_partition_status status;
    wait_for_state(&status, PV_PARTITION_HALTED);
    CHECK_EQUAL(status.restart_count, 2);
    CHECK_EQUAL(status.start_condition, PV_START_WARM);
    /* Its last act before was to call itself started. */
    CHECK_EQUAL(call_by_page(PV_CALL_PARTITION_CONTROL, 1, PV_CONTROL_COLD_RESTART, 0), 0);
    wait_for_state(&status, PV_PARTITION_WAITING);
    CHECK_EQUAL(status.mode, PV_MODE_NORMAL);
    CHECK_EQUAL(call_by_page(PV_CALL_PARTITION_CONTROL, 1, PV_CONTROL_REQUEST_SHUTDOWN, 0), 0);
    wait_for_state(&status, PV_PARTITION_ENDED);
    CHECK_EQUAL(status.exit_code, ANSWER);
    CHECK_EQUAL(set_mode(4), PV_ERROR_INVALID_ARGUMENT);
}

static void on_request(uint32_t port, uint32_t times)
{
    (void)port;
    pv_shutdown(times == 1 ? ANSWER : 1);
}

void other(void)
{
    volatile uint32_t *spare = system_spare_memory();
    switch (pv_start_info->restart_count) {
    case 0:
        *spare = 9;
        set_mode(PV_MODE_COLD_START);
        break;
    case 1:
        if (*spare != 0 || pv_start_info->start_condition != PV_START_COLD)
            pv_shutdown(2);
        *spare = 8;
        set_mode(PV_MODE_WARM_START);
        break;
    case 2:
        if (*spare == 8)
            call_by_page(PV_CALL_HALT, 0, 0, 0);
        break;
    default:
        if (set_mode(PV_MODE_NORMAL) != 0 ||
            pv_event_bind_interrupt(PV_INTERRUPT_SHUTDOWN_REQUEST, PORT, on_request) != 0)
            pv_shutdown(3);
        for (;;)
            pv_block();
    }
    pv_shutdown(4);
}
