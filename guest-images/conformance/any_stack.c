/* The frame goes onto the stack that the guest has at that moment, whatever and wherever it is. */
#include "probe.h"

GUEST(F3, any_stack);

static uint32_t stack[256];

static void check_stack(uint32_t esp)
{
    probe_make_due();
    __asm__ volatile("movl %%esp, %%ebx\n\tmovl %[stack], %%esp\n\tmovl $0, (%[mask])\n\tmovl %%ebx, %%esp"
                     :
                     : [stack] "S"(esp), [mask] "D"(&check_shared()->mask)
                     : "ebx", "cc", "memory");
    CHECK_EQUAL(probe.upcalls, 1);
    CHECK_EQUAL(probe.frame, esp - 12);
}

void check(void)
{
    uint32_t end = check_address(stack) + sizeof stack;
    probe_begin();
    check_stack(end);
    check_stack(end - 4);
    /* The handler needs no alignment either. */
    check_stack(end - 1);
    check_stack(end - 2);
    check_stack(PV_RAM_BASE + 0x800000);
}
