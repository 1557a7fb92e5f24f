/* After `iret` one instruction retires before the next upcall, even if one is due all the time: a storm of events cannot
   keep a guest from getting on. */
#include "probe.h"

GUEST(I2, iret_retires_one);

#define STORM 12u

extern const char storm_code[], storm_end[];
static volatile uint32_t upcalls, bad;
static uint32_t last;

/* Every upcall makes the next one due; each must find the guest one instruction further. */
static void again(const struct probe_state *state)
{
    uint32_t start = check_address(storm_code);
    uint32_t inside = state->eip - start <= check_address(storm_end) - start;
    if (!inside || upcalls == STORM)
        return;
    /* NOPs: one byte each. */
    bad += state->eip != (upcalls == 0 ? start : last + 1);
    last = state->eip;
    if (++upcalls < STORM)
        call_by_page(PV_CALL_EVENT_SEND, PROBE_PORT, 0, 0);
}

void check(void)
{
    probe_begin();
    probe_hook = again;
    probe_make_due();
    __asm__ volatile("movl $0, (%0)\n"
                     "storm_code:\n\t"
                     "nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\t"
                     "nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n"
                     "storm_end:"
                     :
                     : "r"(&check_shared()->mask)
                     : "memory");
    CHECK_EQUAL(bad, 0);
    CHECK_EQUAL(upcalls, STORM);

    /* Entering a frame by hand with an upcall due: the target's first instruction, then the upcall. */
    uint32_t entered = 0, next;
    probe_hook = 0;
    probe_make_due();
    __asm__ volatile("movl $78f, %[next]\n\t"
                     "pushl $0x202\n\tpushl $0x23\n\tpushl $77f\n\tjmp *%[stub]\n"
                     "77:\tincl %[entered]\n78:\tnop"
                     : [entered] "+r"(entered), [next] "=&r"(next)
                     : [stub] "r"(probe_iret_stub)
                     : "cc", "memory");
    CHECK_EQUAL(entered, 1);
    CHECK_EQUAL(probe.upcalls, 1);
    CHECK_EQUAL(probe.eip, next);
}
