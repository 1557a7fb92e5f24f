/* TS, EM and MP of the fake CR0 decide over x87 instructions as those of a processor do, from the next instruction on. */
#include "fault.h"

GUEST(R3, lazy_switch);

#define CR0 0x80050033u
#define MP 2u
#define EM 4u
#define TS 8u

static void with(uint32_t cr0, uint32_t x87, uint32_t wait)
{
    CHECK_EQUAL(call_by_page(PV_CALL_REGISTER_SET, PV_REGISTER_CR0, cr0, 0), 0);
    TRY("fnop", );
    CHECK_EQUAL(fault.vector, x87);
    TRY("fwait", );
    CHECK_EQUAL(fault.vector, wait);
}

void check(void)
{
    fault_expect(7);
    with(CR0, NO_FAULT, NO_FAULT);
    with(CR0 | TS, 7, 7);
    with((CR0 & ~MP) | TS, 7, NO_FAULT);
    with(CR0 | EM, 7, NO_FAULT);
    with(CR0, NO_FAULT, NO_FAULT);

    /* The call that sets TS alone. */
    CHECK_EQUAL(call_by_page(PV_CALL_FPU_SET_SWITCHED, 1, 0, 0), 0);
    CHECK_EQUAL(check_shared()->cr0, CR0 | TS);
    TRY("fld1", );
    CHECK_EQUAL(fault.vector, 7);
    CHECK_EQUAL(fault.eip, try_at);
    CHECK_EQUAL(call_by_page(PV_CALL_FPU_SET_SWITCHED, 0, 0, 0), 0);
    CHECK_EQUAL(check_shared()->cr0, CR0);
    TRY("fld1", );
    CHECK_EQUAL(fault.vector, NO_FAULT);
}
