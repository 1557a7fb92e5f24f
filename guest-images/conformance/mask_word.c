/* The mask word is the virtual interrupt flag: 0 enables, and every other value masks. */
#include "probe.h"

GUEST(V1, mask_word);

static const uint32_t values[] = {1, 2, 0x80, 0x100, 0x200, 0x10000, 0x1000000, 0x80000000, 0xffffffff};

void check(void)
{
    volatile struct pv_shared_page *shared = check_shared();
    probe_begin();
    for (uint32_t index = 0; index < sizeof values / sizeof *values; index++) {
        probe_make_due();
        shared->mask = values[index];
        CHECK_EQUAL(call_by_page(PV_CALL_INTERRUPTS_GET_LEVEL, 0, 0, 0), 0);
        CHECK_EQUAL(pv_interrupts_level(), 0);
        pv_yield();
        CHECK_EQUAL(probe.upcalls, 0);
        CHECK_EQUAL(shared->mask, values[index]);
        shared->mask = 0;
        CHECK_EQUAL(probe.upcalls, 1);
        CHECK_EQUAL(shared->mask, 0);
        CHECK_EQUAL(call_by_page(PV_CALL_INTERRUPTS_GET_LEVEL, 0, 0, 0), PV_INTERRUPT_FLAG);
        CHECK_EQUAL(pv_interrupts_level(), PV_INTERRUPT_FLAG);
    }
}
