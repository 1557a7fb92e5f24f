/* Entering a trap handler masks upcalls, unless its entry says otherwise; IF in the frame is the flag before, and returning
   brings it back. */
#include "check.h"

GUEST(X6, keep_mask);

static volatile uint32_t mask, frame_if, level_after;

static void on_trap(struct pv_trap_frame *frame)
{
    mask = check_shared()->mask;
    frame_if = frame->eflags & PV_INTERRUPT_FLAG;
}

static void check_trap(uint32_t flags, uint32_t level, uint32_t expected_mask)
{
    CHECK_EQUAL(pv_trap_set(6, flags, on_trap), 0);
    CHECK_EQUAL(pv_trap_set(3, flags, on_trap), 0);
    pv_interrupts_restore(level);
    mask = frame_if = 0x55;
    __asm__ volatile("int3" : : : "memory");
    CHECK_EQUAL(mask, expected_mask);
    CHECK_EQUAL(frame_if, level);
    CHECK_EQUAL(pv_interrupts_level(), level);
}

void check(void)
{
    check_trap(0, PV_INTERRUPT_FLAG, 1);
    check_trap(0, 0, 1);
    check_trap(PV_TRAP_KEEP_MASK, PV_INTERRUPT_FLAG, 0);
    check_trap(PV_TRAP_KEEP_MASK, 0, 1);
}
