/* The registers that the host keeps: what is set reads back, by call and in the shared page; what cannot be is refused. */
#include "check.h"

GUEST(R2, fake_registers);

#define CR0 0x80050033u
#define WP 0x10000u
#define TSD 4u

static void set(uint32_t number, uint32_t value, volatile uint32_t *copy)
{
    uint32_t before = 0, after = 0;
    CHECK_EQUAL(call_by_page(PV_CALL_REGISTER_GET, number, check_address(&before), 0), 0);
    CHECK_EQUAL(call_by_page(PV_CALL_REGISTER_SET, number, value, 0), 0);
    CHECK_EQUAL(call_by_page(PV_CALL_REGISTER_GET, number, check_address(&after), 0), 0);
    CHECK_EQUAL(after, value);
    if (copy != 0)
        CHECK_EQUAL(*copy, value);
    CHECK_EQUAL(call_by_page(PV_CALL_REGISTER_SET, number, before, 0), 0);
    if (copy != 0)
        CHECK_EQUAL(*copy, before);
}

static void refused(uint32_t number, uint32_t value)
{
    uint32_t before = 0, after = 0;
    CHECK_EQUAL(call_by_page(PV_CALL_REGISTER_GET, number, check_address(&before), 0), 0);
    CHECK_EQUAL(call_by_page(PV_CALL_REGISTER_SET, number, value, 0), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(call_by_page(PV_CALL_REGISTER_GET, number, check_address(&after), 0), 0);
    CHECK_EQUAL(after, before);
}

void check(void)
{
    volatile struct pv_shared_page *shared = check_shared();
    CHECK_EQUAL(shared->cr0, CR0);
    set(PV_REGISTER_CR0, CR0 & ~WP, &shared->cr0);
    set(PV_REGISTER_CR2, 0x12345678, &shared->cr2);
    set(PV_REGISTER_CR3, 0x00200000, &shared->cr3);
    set(PV_REGISTER_CR4, shared->cr4 | TSD, &shared->cr4);
    for (uint32_t number = PV_REGISTER_DR0; number <= PV_REGISTER_DR3; number++)
        set(number, 0x1000 + number, 0);
    set(PV_REGISTER_GDTR_BASE, 0x00102000, &shared->gdtr_base);
    set(PV_REGISTER_GDTR_LIMIT, 0xffff, &shared->gdtr_limit);
    set(PV_REGISTER_IDTR_BASE, 0x00103000, &shared->idtr_base);
    set(PV_REGISTER_IDTR_LIMIT, 0x7ff, &shared->idtr_limit);
    set(PV_REGISTER_LDTR, 0x48, &shared->ldtr);
    set(PV_REGISTER_TR, 0x50, &shared->tr);
    set(PV_REGISTER_IOPL, 3, &shared->iopl);

    /* Without PE, without PG, with a bit that does not exist. */
    refused(PV_REGISTER_CR0, CR0 & ~1u);
    refused(PV_REGISTER_CR0, CR0 & ~0x80000000u);
    refused(PV_REGISTER_CR0, CR0 | 0x80);
    refused(PV_REGISTER_CR4, 0xffffffff);
    refused(PV_REGISTER_GDTR_LIMIT, 0x10000);
    refused(PV_REGISTER_IDTR_LIMIT, 0x10000);
    refused(PV_REGISTER_LDTR, 0x10000);
    refused(PV_REGISTER_TR, 0x10000);
    refused(PV_REGISTER_IOPL, 4);
    CHECK_EQUAL(call_by_page(PV_CALL_REGISTER_SET, PV_REGISTER_IOPL + 1, 0, 0), PV_ERROR_INVALID_ARGUMENT);
}
