/* A partition runs in its windows, from the first unit to the last, and at no other time, whatever the others do. */
#include "system.h"

GUEST(W1, windows);

void check(void)
{
    struct pv_window_info before, after;
    system_window(&before);
    CHECK_EQUAL(before.plan, 0);
    CHECK_EQUAL(before.plans, PLANS);
    CHECK_EQUAL(before.frame_ns, FRAME_NS);
    for (uint32_t frame = 0; frame < 5; frame++) {
        system_window(&after);
        while (after.window_start_ns == before.window_start_ns) {
            CHECK(after.now_ns >= after.window_start_ns && after.now_ns < after.window_end_ns);
            CHECK_EQUAL(after.window_end_ns - after.window_start_ns, WINDOW_NS);
            before = after;
            system_window(&after);
        }
        /* The last look was near the end of the window, the first one near the start of the next. */
        CHECK(before.window_end_ns - before.now_ns < 2 * MICROSECOND);
        CHECK_EQUAL(after.window_start_ns - before.window_start_ns, FRAME_NS);
        CHECK(after.now_ns - after.window_start_ns < 2 * MICROSECOND);
        CHECK_EQUAL(after.frames, before.frames + 1);
        before = after;
    }
}

/* As busy as can be. */
void other(void)
{
    for (;;)
        pv_event_send(0);
}
