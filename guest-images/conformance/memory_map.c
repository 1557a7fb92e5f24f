/* The memory map is the truth: ranges of whole pages that do not overlap, each with its rights and no more; and page 0
   is no memory. */
#include "fault.h"

GUEST(B3, memory_map);

#define PAGE 4096u

static const struct pv_memory_map_entry *map;
static volatile uint32_t sum;

static void check_rights(uint32_t address, uint32_t rights)
{
    TRY("movl (%[b]), %%eax", [b] "b"(address));
    CHECK_EQUAL(fault.vector, (rights & PV_RIGHT_READ) != 0 ? NO_FAULT : 14);
    if ((rights & PV_RIGHT_WRITE) == 0) {
        TRY("movl %%edx, (%[b])", [b] "b"(address));
        CHECK_FAULT(14, 7);
        CHECK_EQUAL(fault.address, address);
    } else {
        TRY("lock addl $0, (%[b])", [b] "b"(address));
        CHECK_EQUAL(fault.vector, NO_FAULT);
    }
    if ((rights & PV_RIGHT_EXECUTE) == 0) {
        TRY("jmp *%[b]", [b] "b"(address));
        CHECK_EQUAL(fault.vector, 14);
        CHECK_EQUAL(fault.eip, address);
        CHECK_EQUAL(fault.address, address);
    }
}

void check(void)
{
    fault_expect(14);
    map = (const void *)(uintptr_t)pv_start_info->memory_map;
    uint32_t count = pv_start_info->memory_map_count;
    for (uint32_t index = 0; index < count; index++) {
        uint32_t base = map[index].base, length = map[index].length;
        CHECK_EQUAL((base | length) % PAGE, 0);
        CHECK(length != 0 && base + (length - 1) >= base && base != 0);
        for (uint32_t other = 0; other < index; other++)
            CHECK(base - map[other].base >= map[other].length && map[other].base - base >= length);
        if (map[index].kind == PV_MEMORY_RAM)
            CHECK_EQUAL(base, PV_RAM_BASE);
        check_rights(base + length - PAGE, map[index].rights);
    }
    TRY("movl (%[b]), %%eax", [b] "b"(0));
    CHECK_FAULT(14, 4);
    TRY("movl %%edx, (%[b])", [b] "b"(PAGE - 4));
    CHECK_FAULT(14, 6);
}
