/* #PF: the address in the shared page, the error code says what was tried, and the instruction runs again. */
#include "fault.h"

GUEST(X4, page_fault);

#define UNMAPPED 0x50000000u

static uint32_t word = 0x600d;
static volatile uint32_t corrections;

static void correct(struct pv_trap_frame *frame)
{
    corrections++;
    CHECK_EQUAL(pv_fault_address(), UNMAPPED + 0x123);
    frame->ebx = check_address(&word);
}

void check(void)
{
    fault_expect(14);
    TRY("movl (%[b]), %%eax", [b] "b"(UNMAPPED));
    CHECK_FAULT(14, 4);
    CHECK_EQUAL(fault.address, UNMAPPED);
    CHECK_EQUAL(fault.eflags & 0x10000, 0x10000);
    TRY("movb %%al, (%[b])", [b] "b"(UNMAPPED + 0xfff));
    CHECK_FAULT(14, 6);
    CHECK_EQUAL(fault.address, UNMAPPED + 0xfff);
    TRY("addl $1, (%[b])", [b] "b"(pv_start_info->hypercall_page));
    CHECK_FAULT(14, 7);
    CHECK_EQUAL(fault.address, pv_start_info->hypercall_page);
    TRY("movl (%[b]), %%eax", [b] "b"(0xfffffff0));
    CHECK_FAULT(14, 4);
    CHECK_EQUAL(check_shared()->cr2, 0xfffffff0);
    /* Another exception leaves the address alone. */
    fault_expect(6);
    TRY("ud2", );
    CHECK_EQUAL(check_shared()->cr2, 0xfffffff0);

    CHECK_EQUAL(pv_trap_set(14, 0, correct), 0);
    uint32_t eax, ebx = UNMAPPED + 0x123;
    __asm__ volatile("movl (%1), %0" : "=a"(eax), "+b"(ebx) : : "memory");
    CHECK_EQUAL(eax, 0x600d);
    CHECK_EQUAL(corrections, 1);
}
