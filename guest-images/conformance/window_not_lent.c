/* A window that its partition does not use, because it waits or has ended, is lent to nobody: the subject executes exactly the
   units of its own windows, and never outside them. */
#include "system.h"

GUEST(W1, window_not_lent);

#define UNITS_IN_A_WINDOW (WINDOW_NS / 10)

static void check_frame(uint64_t start_ns)
{
    struct pv_window_info info;
    struct pv_partition_status before, after;
    system_status(0, &before);
    do {
        system_window(&info);
        CHECK_EQUAL(info.window_start_ns, start_ns);
        CHECK(info.now_ns < start_ns + WINDOW_NS);
    } while (info.now_ns < start_ns + WINDOW_NS - MICROSECOND);
    system_next_window();
    system_status(0, &after);
    uint32_t executed = (uint32_t)(after.executed - before.executed);
    CHECK(executed > UNITS_IN_A_WINDOW - 100 && executed < UNITS_IN_A_WINDOW + 100);
}

void check(void)
{
    struct pv_partition_status status;
    for (uint32_t frame = 1; frame <= 5; frame++) {
        pv_yield();
        system_status(1, &status);
        CHECK_EQUAL(status.state, PV_PARTITION_WAITING);
        check_frame(frame * 2 * FRAME_NS - FRAME_NS);
    }
    while (status.state != PV_PARTITION_ENDED) {
        pv_yield();
        system_status(1, &status);
    }
    pv_yield();
    struct pv_window_info info;
    for (uint32_t frame = 0; frame < 5; frame++) {
        system_window(&info);
        check_frame(info.window_start_ns);
    }
}

/* Waits in all of its windows, and ends. */
void other(void)
{
    for (uint32_t frame = 0; frame < 15; frame++)
        pv_yield();
}
