/* Another plan begins at the end of the major frame and not before; the last request counts; who has no right to it is
   refused. */
#include "system.h"

GUEST(W3, plan_switch);

static int32_t switch_to(uint32_t plan)
{
    return call_by_page(PV_CALL_PLAN_SWITCH, plan, 0, 0);
}

void check(void)
{
    struct pv_window_info info;
    CHECK_EQUAL(system_wait_for_other(), 0);
    CHECK_EQUAL(switch_to(PLANS), PV_ERROR_NO_SUCH_OBJECT);
    CHECK_EQUAL(switch_to(1), 0);
    CHECK_EQUAL(switch_to(0), 0);
    system_next_window();
    system_window(&info);
    CHECK_EQUAL(info.plan, 0);

    CHECK_EQUAL(switch_to(1), 0);
    system_window(&info);
    CHECK_EQUAL(info.plan, 0);
    CHECK_EQUAL(info.next_plan, 1);
    uint64_t frame_end_ns = info.frame_start_ns + FRAME_NS;
    system_next_window();
    system_window(&info);
    CHECK_EQUAL(info.plan, 1);
    CHECK_EQUAL(info.frame_start_ns, frame_end_ns);
    CHECK_EQUAL(info.frame_ns, SHORT_FRAME_NS);
    CHECK_EQUAL(check_shared()->window_plan, 1);
}

void other(void)
{
    if (switch_to(1) != PV_ERROR_NOT_PERMITTED)
        pv_shutdown(1);
}
