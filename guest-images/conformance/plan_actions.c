/* A plan can start partitions again when it begins: those that it names, as it says, and no other. Plan 2 starts the other
   partition cold, plan 3 the subject warm. */
#include "system.h"

GUEST(W6, plan_actions);

static uint32_t in_bss;

static void switch_to(uint32_t plan)
{
    CHECK_EQUAL(call_by_page(PV_CALL_PLAN_SWITCH, plan, 0, 0), 0);
}

static void check_plan(uint32_t plan)
{
    struct pv_window_info info;
    system_window(&info);
    CHECK_EQUAL(info.plan, plan);
}

/* How often the other partition was started again; it runs all the time. */
static uint32_t restarts_of_other(void)
{
    struct pv_partition_status status;
    system_status(1, &status);
    CHECK_EQUAL(status.state, PV_PARTITION_READY);
    CHECK_EQUAL(status.start_condition, PV_START_COLD);
    return status.restart_count;
}

static void first_start(void)
{
    system_next_window();
    CHECK_EQUAL(restarts_of_other(), 0);
    in_bss = 7;
    switch_to(2);
    CHECK_EQUAL(restarts_of_other(), 0);
    system_next_window();
    check_plan(2);
    CHECK_EQUAL(restarts_of_other(), 1);
    CHECK_EQUAL(in_bss, 7);
    /* The plan goes on: its action is not for each frame. */
    system_next_window();
    CHECK_EQUAL(restarts_of_other(), 1);
    *system_spare_memory() = 9;
    switch_to(3);
    system_next_window();
    check_failed(__LINE__, "the plan did not start the subject again");
}

void check(void)
{
    if (pv_start_info->restart_count == 0)
        first_start();
    CHECK_EQUAL(pv_start_info->restart_count, 1);
    CHECK_EQUAL(pv_start_info->start_condition, PV_START_WARM);
    CHECK_EQUAL(in_bss, 0);
    CHECK_EQUAL(*system_spare_memory(), 9);
    check_plan(3);
    CHECK_EQUAL(restarts_of_other(), 1);
}

void other(void)
{
    if (*system_spare_memory() != 0)
        pv_shutdown(1);
    *system_spare_memory() = 1;
    for (;;)
        continue;
}
