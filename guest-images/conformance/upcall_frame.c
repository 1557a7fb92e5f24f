/* The frame of an upcall: EIP, CS, EFLAGS in the three words below ESP, IF the virtual one; and nothing above changed. */
#include "probe.h"

GUEST(F1, upcall_frame);

/* Not on the stack, which moves under the operands. */
static uint32_t next, esp, above[4];

void check(void)
{
    uint32_t flags;
    probe_begin();
    for (uint32_t carry = 0; carry < 2; carry++) {
        probe_make_due();
        __asm__ volatile("movl $77f, %[next]\n\t"
                         "pushl $0x11111111\n\tpushl $0x22222222\n\tpushl $0x33333333\n\tpushl $0x44444444\n\t"
                         "movl %%esp, %[esp]\n\t"
                         "xorl %%eax, %%eax\n\tcmpl %[carry], %%eax\n\t"
                         "movl $0, (%[mask])\n"
                         "77:\tpushfl\n\tpopl %[flags]\n\t"
                         "popl 12(%[above])\n\tpopl 8(%[above])\n\tpopl 4(%[above])\n\tpopl (%[above])"
                         : [next] "=m"(next), [esp] "=m"(esp), [flags] "=&d"(flags)
                         : [mask] "D"(&check_shared()->mask), [carry] "c"(carry), [above] "S"(above)
                         : "eax", "cc", "memory");
        CHECK_EQUAL(probe.upcalls, 1);
        CHECK_EQUAL(probe.frame, esp - 12);
        CHECK_EQUAL(probe.eip, next);
        CHECK_EQUAL(probe.cs, PV_SELECTOR_CODE);
        CHECK_EQUAL(flags & 1, carry);
        /* PUSHF shows IF as 1 always; here the virtual flag was 1, too. */
        CHECK_EQUAL(probe.eflags, flags);
        CHECK_EQUAL(probe.mask, 1);
        CHECK_EQUAL(above[0], 0x11111111);
        CHECK_EQUAL(above[1], 0x22222222);
        CHECK_EQUAL(above[2], 0x33333333);
        CHECK_EQUAL(above[3], 0x44444444);
    }
}
