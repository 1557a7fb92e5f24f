/* Start info says what the partition is and has. */
#include "check.h"

GUEST(B2, start_info);

static uint32_t kind_at(uint32_t address)
{
    const struct pv_memory_map_entry *map = (const void *)(uintptr_t)pv_start_info->memory_map;
    for (uint32_t index = 0; index < pv_start_info->memory_map_count; index++)
        if (address - map[index].base < map[index].length)
            return map[index].kind;
    return 0;
}

void check(void)
{
    const struct pv_start_info *info = pv_start_info;
    CHECK_EQUAL(info->magic, PV_MAGIC);
    CHECK_EQUAL(info->abi_version >> 16, PV_ABI_MAJOR);
    CHECK(info->abi_version >= PV_ABI_VERSION);
    CHECK(info->size_bytes >= sizeof *info);
    CHECK_EQUAL(info->partition_name[sizeof info->partition_name - 1], 0);
    CHECK(info->partition_name[0] != '\0');
    CHECK((info->console & PV_CONSOLE_OUTPUT) != 0);
    CHECK(info->clock_rate != 0);
    CHECK_EQUAL(info->start_condition, PV_START_COLD);
    CHECK_EQUAL(info->restart_count, 0);
    CHECK_EQUAL(kind_at(check_address(info)), PV_MEMORY_START_INFO);
    CHECK_EQUAL(kind_at(info->memory_map), PV_MEMORY_START_INFO);
    CHECK_EQUAL(kind_at(info->shared_page), PV_MEMORY_SHARED_PAGE);
    CHECK_EQUAL(kind_at(info->count_page), PV_MEMORY_COUNT_PAGE);
    CHECK_EQUAL(kind_at(info->hypercall_page), PV_MEMORY_HYPERCALL_PAGE);
    CHECK_EQUAL(kind_at(check_address(check)), PV_MEMORY_RAM);
    CHECK_EQUAL((info->shared_page | info->count_page | info->hypercall_page) & 0xfff, 0);
    const char *command_line = (const char *)(uintptr_t)info->command_line;
    if (command_line != 0)
        CHECK_EQUAL(command_line[info->command_line_length], 0);
    else
        CHECK_EQUAL(info->command_line_length, 0);
}
