/* Rights of the partition's own memory change at once, and contents survive both rights and holes. */
#include "fault.h"

GUEST(M1, memory_rights);

#define PAGE 4096u
#define READ PV_RIGHT_READ
#define READ_WRITE (PV_RIGHT_READ | PV_RIGHT_WRITE)

static uint32_t pages[3][PAGE / 4] __attribute__((aligned(4096)));

static int32_t map(uint32_t at, uint32_t source, uint32_t rights)
{
    uint32_t eax = check_stub(PV_CALL_MEMORY_MAP);
    __asm__ volatile("call *%0" : "+a"(eax) : "b"(at), "c"(PAGE), "d"(source), "S"(rights) : "memory");
    return (int32_t)eax;
}

static int32_t protect(uint32_t at, uint32_t rights)
{
    return call_by_page(PV_CALL_MEMORY_PROTECT, at, PAGE, rights);
}

static void load(uint32_t at)
{
    TRY("movl (%[b]), %%eax", [b] "b"(at));
}

static void store(uint32_t at)
{
    TRY("lock orl $0, (%[b])", [b] "b"(at));
}

void check(void)
{
    struct pv_memory_page page;
    uint32_t at = check_address(pages[1]);
    fault_expect(14);
    pages[1][0] = 0x1234;
    CHECK_EQUAL(protect(at, READ), 0);
    load(at);
    CHECK_EQUAL(fault.vector, NO_FAULT);
    store(at);
    CHECK_FAULT(14, 7);
    CHECK_EQUAL(protect(at, 0), 0);
    load(at);
    CHECK_FAULT(14, 4);
    CHECK_EQUAL(fault.address, at);
    /* The pages beside it keep their rights. */
    store(at - 4);
    CHECK_EQUAL(fault.vector, NO_FAULT);
    store(at + PAGE);
    CHECK_EQUAL(fault.vector, NO_FAULT);

    CHECK_EQUAL(call_by_page(PV_CALL_MEMORY_UNMAP, at, PAGE, 0), 0);
    load(at);
    CHECK_FAULT(14, 4);
    CHECK_EQUAL(call_by_page(PV_CALL_MEMORY_QUERY, at, check_address(&page), 0), 0);
    CHECK_EQUAL(page.kind, 0);
    CHECK_EQUAL(call_by_page(PV_CALL_MEMORY_UNMAP, at, PAGE, 0), PV_ERROR_BAD_ADDRESS);
    CHECK_EQUAL(map(at, at, READ_WRITE), 0);
    CHECK_EQUAL(((volatile uint32_t *)pages[1])[0], 0x1234);
    CHECK_EQUAL(call_by_page(PV_CALL_MEMORY_QUERY, at + 5, check_address(&page), 0), 0);
    CHECK_EQUAL(page.kind, PV_MEMORY_RAM);
    CHECK_EQUAL(page.rights, READ_WRITE);
    CHECK_EQUAL(page.source, at);

    CHECK_EQUAL(protect(at, PV_RIGHT_WRITE), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(protect(at + 4, READ), PV_ERROR_MISALIGNED);
    CHECK_EQUAL(protect(0, READ), PV_ERROR_BAD_ADDRESS);
    CHECK_EQUAL(protect(pv_start_info->shared_page, READ), PV_ERROR_BAD_ADDRESS);
    CHECK_EQUAL(protect(pv_start_info->hypercall_page, READ_WRITE), PV_ERROR_BAD_ADDRESS);
    CHECK_EQUAL(map(at, at, READ), PV_ERROR_ALREADY_MAPPED);
    CHECK_EQUAL(map(0, at, READ), PV_ERROR_BAD_ADDRESS);
    CHECK_EQUAL(map(0x80000000, pv_start_info->shared_page, READ), PV_ERROR_BAD_ADDRESS);
}
