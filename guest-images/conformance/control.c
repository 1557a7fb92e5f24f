/* With the right to it a partition sees, suspends, resumes, halts and restarts another, whose events stay with it; without the
   right it is refused. */
#include "system.h"

GUEST(H5, control);

static int32_t control(uint32_t partition, uint32_t action)
{
    return call_by_page(PV_CALL_PARTITION_CONTROL, partition, action, 0);
}

static uint32_t executed_in_a_frame(void)
{
    struct pv_partition_status before, after;
    system_next_window();
    system_status(1, &before);
    system_next_window();
    system_status(1, &after);
    return (uint32_t)(after.executed - before.executed);
}

void check(void)
{
    struct pv_partition_status status;
    static const char name[] = "other";
    CHECK_EQUAL(call_by_page(PV_CALL_PARTITION_FIND, check_address(name), 5, 0), 1);
    CHECK_EQUAL(call_by_page(PV_CALL_PARTITION_FIND, check_address(name), 4, 0), PV_ERROR_NO_SUCH_OBJECT);
    CHECK_EQUAL(control(0, PV_CONTROL_HALT), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(control(2, PV_CONTROL_HALT), PV_ERROR_NO_SUCH_OBJECT);
    uint32_t busy = executed_in_a_frame();
    CHECK(busy > 1000);
    CHECK_EQUAL(control(1, PV_CONTROL_SUSPEND), 0);
    CHECK_EQUAL(executed_in_a_frame(), 0);
    system_status(1, &status);
    CHECK_EQUAL(status.state, PV_PARTITION_SUSPENDED);
    CHECK_EQUAL(control(1, PV_CONTROL_RESUME), 0);
    CHECK_EQUAL(executed_in_a_frame(), busy);
    CHECK_EQUAL(control(1, PV_CONTROL_COLD_RESTART), 0);
    CHECK(executed_in_a_frame() > 1000);
    system_status(1, &status);
    CHECK_EQUAL(status.restart_count, 1);
    CHECK_EQUAL(status.start_condition, PV_START_COLD);
    CHECK_EQUAL(control(1, PV_CONTROL_HALT), 0);
    CHECK_EQUAL(executed_in_a_frame(), 0);
    system_status(1, &status);
    CHECK_EQUAL(status.state, PV_PARTITION_HALTED);
}

void other(void)
{
    struct pv_partition_status status;
    if (control(0, PV_CONTROL_HALT) != PV_ERROR_NOT_PERMITTED)
        pv_shutdown(1);
    if (call_by_page(PV_CALL_PARTITION_STATUS, 0, check_address(&status), 0) != PV_ERROR_NOT_PERMITTED)
        pv_shutdown(2);
    for (;;)
        continue;
}
