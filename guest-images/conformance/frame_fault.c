/* A frame that cannot be written is an event for the health monitor, and nothing of it was written. */
#include "system.h"

GUEST(F5, frame_fault);

#define PORT 2u

static void on_event(uint32_t port, uint32_t times)
{
    (void)port, (void)times;
}

/* The end of memory. */
static uint32_t ram_end(void)
{
    const struct pv_memory_map_entry *map = (const void *)(uintptr_t)pv_start_info->memory_map;
    while (map->kind != PV_MEMORY_RAM)
        map++;
    return map->base + map->length;
}

void check(void)
{
    uint32_t end = ram_end();
    volatile uint32_t *last = (volatile uint32_t *)(uintptr_t)(end - 8);
    if (pv_start_info->restart_count == 0) {
        last[0] = last[1] = 0x600d600d;
        CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
        CHECK_EQUAL(pv_event_send(PORT), 0);
        /* Two words of the frame would lie in memory, the third outside. */
        __asm__ volatile("movl %0, %%esp\n\tmovl $0, (%1)\n\tnop\n\tud2"
                         :
                         : "b"(end + 4), "c"(&check_shared()->mask)
                         : "memory");
    }
    CHECK_EQUAL(pv_start_info->restart_count, 1);
    CHECK_EQUAL(pv_start_info->start_condition, PV_START_WARM_AFTER_HEALTH);
    CHECK_EQUAL(last[0], 0x600d600d);
    CHECK_EQUAL(last[1], 0x600d600d);
    struct pv_health_entry entry;
    CHECK_EQUAL(call_by_page(PV_CALL_HEALTH_READ, 0, check_address(&entry), 0), 0);
    CHECK_EQUAL(entry.event, PV_HEALTH_FRAME_FAULT);
    CHECK_EQUAL(entry.action, PV_ACTION_WARM_RESTART);
}
