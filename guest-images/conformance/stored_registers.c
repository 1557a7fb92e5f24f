/* SGDT, SIDT, SLDT, STR and SMSW do not fault and tell nothing of the host: the same each time, PE and ET set. */
#include "fault.h"

GUEST(R1, stored_registers);

struct stored {
    uint8_t gdtr[6], idtr[6];
    uint16_t ldtr, tr;
    uint32_t machine_status;
};

static struct stored first, second;

static void store(struct stored *stored)
{
    TRY("sgdt (%[b])", [b] "b"(stored->gdtr));
    CHECK_EQUAL(fault.vector, NO_FAULT);
    TRY("sidt (%[b])", [b] "b"(stored->idtr));
    CHECK_EQUAL(fault.vector, NO_FAULT);
    TRY("sldt (%[b])", [b] "b"(&stored->ldtr));
    CHECK_EQUAL(fault.vector, NO_FAULT);
    TRY("str (%[b])", [b] "b"(&stored->tr));
    CHECK_EQUAL(fault.vector, NO_FAULT);
    TRY("smswl %%eax\n\tmovl %%eax, (%[b])", [b] "b"(&stored->machine_status));
    CHECK_EQUAL(fault.vector, NO_FAULT);
}

void check(void)
{
    fault_expect(13);
    store(&first);
    for (uint32_t step = 0; step < 1000; step++)
        pv_yield();
    store(&second);
    for (uint32_t index = 0; index < sizeof first; index++)
        CHECK_EQUAL(((uint8_t *)&first)[index], ((uint8_t *)&second)[index]);
    CHECK_EQUAL(first.machine_status & 0x11, 0x11);
}
