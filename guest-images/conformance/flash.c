/* The flash lets what is pending happen, once, in a frame that says disabled; and leaves upcalls disabled. */
#include "probe.h"

GUEST(V3, flash);

void check(void)
{
    volatile struct pv_shared_page *shared = check_shared();
    probe_begin();
    CHECK_EQUAL(call_by_page(PV_CALL_INTERRUPTS_FLASH, 0, 0, 0), 0);
    CHECK_EQUAL(probe.upcalls, 0);
    CHECK_EQUAL(shared->mask, 1);

    probe_make_due();
    CHECK_EQUAL(call_by_gate(PV_CALL_INTERRUPTS_FLASH, 0, 0, 0), 0);
    CHECK_EQUAL(probe.upcalls, 1);
    CHECK_EQUAL(probe.eflags & PV_INTERRUPT_FLAG, 0);
    CHECK_EQUAL(shared->mask, 1);

    pv_interrupts_enable();
    CHECK_EQUAL(call_by_page(PV_CALL_INTERRUPTS_FLASH, 0, 0, 0), PV_INTERRUPT_FLAG);
    CHECK_EQUAL(shared->mask, 1);
    CHECK_EQUAL(probe.upcalls, 1);

    probe_make_due();
    pv_interrupts_flash(PV_INTERRUPT_FLAG);
    CHECK_EQUAL(probe.upcalls, 1);
    CHECK_EQUAL(pv_interrupts_level(), 0);
    probe_make_due();
    pv_interrupts_flash(0);
    CHECK_EQUAL(probe.upcalls, 0);
    CHECK_EQUAL(pv_interrupts_level(), 0);
}
