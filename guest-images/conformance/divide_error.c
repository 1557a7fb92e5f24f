/* #DE: the frame points at the DIV, RF set; the handler corrects a register and the DIV runs again. Whether upcalls are
   masked makes no difference. */
#include "check.h"

GUEST(X1, divide_error);

extern const char division[];
static volatile uint32_t faults;

static void on_fault(struct pv_trap_frame *frame)
{
    faults++;
    CHECK_EQUAL(frame->vector, 0);
    CHECK_EQUAL(frame->eip, check_address(division));
    CHECK_EQUAL(frame->cs, PV_SELECTOR_CODE);
    CHECK_EQUAL(frame->eflags & 0x10000, 0x10000);
    CHECK_EQUAL(frame->ecx, 0);
    frame->ecx = 7;
}

static void check_division(uint32_t level)
{
    uint32_t eax = 100, edx = 0, ecx = 0;
    pv_interrupts_restore(level);
    __asm__ volatile("call division_code" : "+a"(eax), "+d"(edx), "+c"(ecx) : : "cc", "memory");
    CHECK_EQUAL(eax, 14);
    CHECK_EQUAL(edx, 2);
    CHECK_EQUAL(pv_interrupts_level(), level);
}

__asm__(".pushsection .text\n"
        "division_code:\n"
        "division:\n"
        "    divl %ecx\n"
        "    ret\n"
        ".popsection\n");

void check(void)
{
    CHECK_EQUAL(pv_trap_set(0, 0, on_fault), 0);
    check_division(PV_INTERRUPT_FLAG);
    check_division(0);
    CHECK_EQUAL(faults, 2);
}
