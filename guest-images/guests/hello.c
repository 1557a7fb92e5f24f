/* The smallest guest: it greets, says what it was started with, and ends with exit code 0. */
#include "pv.h"

static uint32_t ram_mebibytes(void)
{
    const struct pv_memory_map_entry *map = (const void *)pv_start_info->memory_map;
    for (uint32_t index = 0; index < pv_start_info->memory_map_count; index++)
        if (map[index].kind == PV_MEMORY_RAM)
            return map[index].length >> 20;
    return 0;
}

int main(void)
{
    pv_print("Hello from partition ");
    pv_print(pv_start_info->partition_name);
    pv_print(", which has ");
    pv_print_number(ram_mebibytes(), 1);
    pv_print(" MiB of memory.\n");
    if (pv_start_info->command_line != 0) {
        pv_print("Command line: ");
        pv_print((const char *)pv_start_info->command_line);
        pv_print("\n");
    }
    return 0;
}
