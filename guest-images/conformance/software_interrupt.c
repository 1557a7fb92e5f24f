/* INT n reaches a handler that allows it, with the next EIP and no error code; else it is #GP(8n + 2) at the INT. */
#include "fault.h"

GUEST(X5, software_interrupt);

static volatile uint32_t count, eip, error_code, eflags;
static uint32_t next;

static void on_interrupt(struct pv_trap_frame *frame)
{
    count++;
    eip = frame->eip;
    error_code = frame->error_code;
    eflags = frame->eflags;
}

void check(void)
{
    fault_expect(13);
    TRY("int $0x20", );
    CHECK_FAULT(13, 0x102);
    TRY("int $0x80", );
    CHECK_FAULT(13, 0x402);
    TRY("int $0x0e", );
    CHECK_FAULT(13, 0x72);

    CHECK_EQUAL(pv_trap_set(0x20, 0, on_interrupt), 0);
    TRY("int $0x20", );
    CHECK_FAULT(13, 0x102);
    CHECK_EQUAL(count, 0);
    CHECK_EQUAL(pv_trap_set(0x20, PV_TRAP_USER, on_interrupt), 0);
    __asm__ volatile("movl $1f, %0\n\tint $0x20\n1:" : "=m"(next) : : "memory");
    CHECK_EQUAL(count, 1);
    CHECK_EQUAL(eip, next);
    CHECK_EQUAL(eflags & 0x10000, 0);

    /* A vector whose exceptions have an error code gets none from INT: the frame is a word shorter. */
    CHECK_EQUAL(pv_trap_set(0x20, 0, on_interrupt), 0);
    TRY("int $0x20", );
    CHECK_FAULT(13, 0x102);
    CHECK_EQUAL(count, 1);
}
