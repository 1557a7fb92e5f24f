/* RAM at a second place is the same RAM: bytes that are written at one are read, and executed, at the other. */
#include "fault.h"

GUEST(M2, second_place);

#define PAGE 4096u
#define SECOND 0x40000000u
#define ALL (PV_RIGHT_READ | PV_RIGHT_WRITE | PV_RIGHT_EXECUTE)

static uint32_t pages[2][PAGE / 4] __attribute__((aligned(4096)));

static uint32_t at_second(uint32_t offset)
{
    return *(volatile uint32_t *)(uintptr_t)(SECOND + offset);
}

static void set_at_second(uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)(SECOND + offset) = value;
}

static uint32_t run(uint32_t address)
{
    uint32_t eax = address;
    __asm__ volatile("call *%0" : "+a"(eax) : : "memory");
    return eax;
}

void check(void)
{
    uint32_t first = check_address(pages);
    uint32_t eax = check_stub(PV_CALL_MEMORY_MAP);
    __asm__ volatile("call *%0" : "+a"(eax) : "b"(SECOND), "c"(2 * PAGE), "d"(first), "S"(ALL) : "memory");
    CHECK_EQUAL(eax, 0);
    ((volatile uint32_t *)pages[1])[3] = 0xabcd;
    CHECK_EQUAL(at_second(PAGE + 12), 0xabcd);
    set_at_second(PAGE - 2, 0x11223344);
    CHECK_EQUAL(((volatile uint16_t *)pages[0])[PAGE / 2 - 1], 0x3344);
    CHECK_EQUAL(((volatile uint16_t *)pages[1])[0], 0x1122);

    /* movl $1, %eax; ret */
    CHECK_EQUAL(call_by_page(PV_CALL_MEMORY_PROTECT, first, PAGE, ALL), 0);
    pages[0][0] = 0x000001b8;
    pages[0][1] = 0x0000c300;
    CHECK_EQUAL(run(first), 1);
    CHECK_EQUAL(run(SECOND), 1);
    for (uint32_t value = 2; value < 50; value++) {
        set_at_second(1, value);
        CHECK_EQUAL(run(first), value);
        *(volatile uint32_t *)(uintptr_t)(first + 1) = value + 100;
        CHECK_EQUAL(run(SECOND), value + 100);
    }
    CHECK_EQUAL(call_by_page(PV_CALL_MEMORY_UNMAP, SECOND, 2 * PAGE, 0), 0);
    fault_expect(14);
    TRY("movl (%[b]), %%eax", [b] "b"(SECOND));
    CHECK_FAULT(14, 4);
    CHECK_EQUAL(run(first), 149);
}
