/* #MF: an unmasked x87 exception comes at the next waiting instruction, which runs again when the handler has cleared it. */
#include "check.h"

GUEST(X1, x87_error);

#define ZERO_DIVIDE 0x84u

extern const char waiting_instruction[];
static volatile uint32_t faults;

static void on_fault(struct pv_trap_frame *frame)
{
    uint16_t status;
    faults++;
    CHECK_EQUAL(frame->vector, 16);
    CHECK_EQUAL(frame->eip, check_address(waiting_instruction));
    CHECK_EQUAL(frame->eflags & 0x10000, 0x10000);
    __asm__ volatile("fnstsw %%ax\n\tfnclex" : "=a"(status));
    CHECK_EQUAL(status & ZERO_DIVIDE, ZERO_DIVIDE);
}

void check(void)
{
    /* All masked but the division by zero. */
    static const uint16_t control = 0x37b;
    uint16_t status;
    uint32_t depth;
    CHECK_EQUAL(pv_trap_set(16, 0, on_fault), 0);
    __asm__ volatile("fninit\n\tfldcw %[control]\n\tfldz\n\tfld1\n\t"
                     "fdiv %%st(1), %%st\n\t"
                     "nop\n\tfnstsw %%ax\n"
                     "waiting_instruction:\n\tfld1\n\t"
                     "movl %%eax, %%edx\n\tfnstsw %%ax\n\tmovzwl %%ax, %[depth]\n\tmovl %%edx, %%eax\n\tfninit"
                     : "=a"(status), [depth] "=c"(depth)
                     : [control] "m"(control)
                     : "edx", "memory");
    CHECK_EQUAL(faults, 1);
    CHECK_EQUAL(status & ZERO_DIVIDE, ZERO_DIVIDE);
    /* Three registers are in use: the FLD1 ran after all, and once. */
    CHECK_EQUAL(depth >> 11 & 7, 5);
}
