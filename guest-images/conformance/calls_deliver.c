/* A call that makes an upcall due is followed by it at once: its frame returns to the instruction after the INT. */
#include "probe.h"

GUEST(D4, calls_deliver);

#define DELIVERED_BY(number, first)                                                                                    \
    do {                                                                                                               \
        uint32_t next, eax = number;                                                                                   \
        probe.upcalls = 0;                                                                                             \
        __asm__ volatile("movl $77f, %[next]\n\tint $0x82\n77:\tnop"                                                   \
                         : [next] "=m"(next), "+a"(eax)                                                                \
                         : "b"(first)                                                                                  \
                         : "memory");                                                                                  \
        CHECK_EQUAL(probe.upcalls, 1);                                                                                 \
        CHECK_EQUAL(probe.eip, next);                                                                                  \
        CHECK_EQUAL(probe.eflags & PV_INTERRUPT_FLAG, PV_INTERRUPT_FLAG);                                              \
    } while (0)

void check(void)
{
    probe_begin();
    pv_interrupts_enable();
    DELIVERED_BY(PV_CALL_EVENT_SEND, PROBE_PORT);

    CHECK_EQUAL(pv_event_mask(PROBE_PORT), 0);
    CHECK_EQUAL(pv_event_send(PROBE_PORT), 0);
    DELIVERED_BY(PV_CALL_EVENT_UNMASK, PROBE_PORT);

    uint32_t eax = PV_CALL_INTERRUPTS_SET_LEVEL, next;
    probe_make_due();
    __asm__ volatile("movl $77f, %[next]\n\tint $0x82\n77:\tnop"
                     : [next] "=m"(next), "+a"(eax)
                     : "b"(PV_INTERRUPT_FLAG)
                     : "memory");
    CHECK_EQUAL(probe.upcalls, 1);
    CHECK_EQUAL(probe.eip, next);
    CHECK_EQUAL(eax, 0);

    CHECK_EQUAL(call_by_page(PV_CALL_UPCALL_SET_ENTRY, 0, 0, 0), 0);
    CHECK_EQUAL(pv_event_send(PROBE_PORT), 0);
    DELIVERED_BY(PV_CALL_UPCALL_SET_ENTRY, check_address(probe_entry));
}
