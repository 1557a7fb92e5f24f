/* The state at entry, as far as main() can still see it: the layer has the magic number already. */
#include "check.h"

GUEST(B1, entry);

static uint32_t selector_of(uint32_t which)
{
    uint16_t selectors[6];
    __asm__ volatile("movw %%cs, 0(%0)\n\tmovw %%ds, 2(%0)\n\tmovw %%es, 4(%0)\n\t"
                     "movw %%ss, 6(%0)\n\tmovw %%fs, 8(%0)\n\tmovw %%gs, 10(%0)"
                     :
                     : "r"(selectors)
                     : "memory");
    return selectors[which];
}

static int is_in_boot_stack(uint32_t address)
{
    const struct pv_memory_map_entry *map = (const void *)(uintptr_t)pv_start_info->memory_map;
    for (uint32_t index = 0; index < pv_start_info->memory_map_count; index++)
        if (map[index].kind == PV_MEMORY_BOOT_STACK)
            return address - map[index].base < map[index].length;
    return 0;
}

void check(void)
{
    uint32_t flags, environment[7], esp;
    __asm__ volatile("pushfl\n\tpopl %0\n\tmovl %%esp, %1" : "=r"(flags), "=r"(esp));
    __asm__ volatile("fnstenv (%0)" : : "r"(environment) : "memory");
    CHECK_EQUAL(flags & 0x400, 0);
    CHECK_EQUAL(selector_of(0), PV_SELECTOR_CODE);
    for (uint32_t which = 1; which <= 3; which++)
        CHECK_EQUAL(selector_of(which), PV_SELECTOR_DATA);
    CHECK_EQUAL(selector_of(4), 0);
    CHECK_EQUAL(selector_of(5), 0);
    CHECK(is_in_boot_stack(esp));
    CHECK_EQUAL(environment[0] & 0xffff, 0x37f);
    CHECK_EQUAL(environment[1] & 0xffff, 0);
    CHECK_EQUAL(environment[2] & 0xffff, 0xffff);

    volatile struct pv_shared_page *shared = check_shared();
    CHECK_EQUAL(shared->mask, 1);
    CHECK_EQUAL(shared->upcall_pending, 0);
    CHECK_EQUAL(shared->selector, 0);
    for (uint32_t word = 0; word < PV_EVENT_PORTS / 32; word++)
        CHECK_EQUAL(shared->event_pending[word] | shared->event_mask[word], 0);
    for (uint32_t port = 0; port < PV_EVENT_PORTS; port++) {
        struct pv_event_status status;
        CHECK_EQUAL(check_count(port), 0);
        CHECK_EQUAL(pv_event_status(port, &status), 0);
        CHECK_EQUAL(status.binding, PV_BINDING_NONE);
    }
}
