/* PUSHF, POPF and IRET know nothing of the virtual interrupt flag, and do not fault; CLI and STI do. */
#include "fault.h"

GUEST(V4, silent_flags);

#define IOPL 0x3000u

static uint32_t flags(void)
{
    uint32_t image;
    __asm__ volatile("pushfl\n\tpopl %0" : "=r"(image));
    return image & (PV_INTERRUPT_FLAG | IOPL);
}

static void check_silence(uint32_t mask)
{
    volatile struct pv_shared_page *shared = check_shared();
    shared->mask = mask;
    CHECK_EQUAL(flags(), PV_INTERRUPT_FLAG);
    __asm__ volatile("pushl $2\n\tpopfl" : : : "cc");
    CHECK_EQUAL(flags(), PV_INTERRUPT_FLAG);
    __asm__ volatile("pushl $0x3202\n\tpopfl" : : : "cc");
    CHECK_EQUAL(flags(), PV_INTERRUPT_FLAG);
    CHECK_EQUAL(shared->mask, mask);
    __asm__ volatile("pushl $0x3002\n\tpushl %%cs\n\tpushl $1f\n\tiretl\n1:" : : : "cc", "memory");
    CHECK_EQUAL(flags(), PV_INTERRUPT_FLAG);
    CHECK_EQUAL(shared->mask, mask);
    TRY("cli", );
    CHECK_FAULT(13, 0);
    TRY("sti", );
    CHECK_FAULT(13, 0);
    CHECK_EQUAL(shared->mask, mask);
}

void check(void)
{
    fault_expect(13);
    check_silence(0);
    check_silence(1);
}
