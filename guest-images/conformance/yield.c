/* `yield` gives the processor up for now, stays ready, and leaves the virtual interrupt flag as it is. */
#include "probe.h"

GUEST(I6, yield);

void check(void)
{
    probe_begin();
    probe_make_due();
    CHECK_EQUAL(call_by_page(PV_CALL_YIELD, 0, 0, 0), 0);
    CHECK_EQUAL(probe.upcalls, 0);
    CHECK_EQUAL(check_shared()->mask, 1);
    pv_interrupts_enable();
    CHECK_EQUAL(probe.upcalls, 1);
    CHECK_EQUAL(call_by_page(PV_CALL_YIELD, 0, 0, 0), 0);
    CHECK_EQUAL(check_shared()->mask, 0);
    CHECK_EQUAL(probe.upcalls, 1);
}
