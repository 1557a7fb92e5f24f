/* Without an entry no upcall is delivered, and nothing of what was pending is lost. */
#include "probe.h"

GUEST(D6, no_entry);

void check(void)
{
    volatile struct pv_shared_page *shared = check_shared();
    probe_begin();
    CHECK_EQUAL(call_by_page(PV_CALL_UPCALL_SET_ENTRY, 0, 0, 0), 0);
    probe_make_due();
    CHECK_EQUAL(call_by_page(PV_CALL_INTERRUPTS_FLASH, 0, 0, 0), 0);
    pv_interrupts_enable();
    pv_yield();
    CHECK_EQUAL(probe.upcalls, 0);
    CHECK_EQUAL(shared->mask, 0);
    CHECK(shared->upcall_pending != 0);
    CHECK_EQUAL(call_by_page(PV_CALL_UPCALL_SET_ENTRY, check_address(probe_entry), 0, 0), 0);
    CHECK_EQUAL(probe.upcalls, 1);
    CHECK_EQUAL(check_count(PROBE_PORT), 1);
}
