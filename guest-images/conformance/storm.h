/* Virtual time that passes without a retired instruction, so that several ticks come due at once: the handler of a page
   fault begins with an instruction that faults itself, until the frames have moved ESP down to where it does not. Each fault
   whose handler is entered is one unit. */
#ifndef STORM_H
#define STORM_H

#include "check.h"

#define STORM_PORT 17u

uint32_t storm_bottom, storm_top, storm_esp;
void storm_run(void);
void storm_handler(void);

/* The operand lies `storm_bottom` above ESP, past the end of memory until ESP has sunk so far. */
__asm__(".pushsection .text\n"
        ".globl storm_run, storm_handler\n"
        "storm_run:\n"
        "    pushal\n"
        "    movl %esp, storm_esp\n"
        "    movl storm_bottom, %ecx\n"
        "    movl storm_top, %esp\n"
        "storm_handler:\n"
        "    cmpl $0, (%esp,%ecx)\n"
        "    movl storm_esp, %esp\n"
        "    popal\n"
        "    ret\n"
        ".popsection\n");

static inline uint32_t storm_unit_ns(void)
{
    return 1000000000u / (uint32_t)pv_start_info->clock_rate;
}

/* Lets so many units pass. Upcalls are disabled. */
static inline void storm(uint32_t units)
{
    struct pv_trap_entry entry = {
        .vector = 14, .selector = PV_SELECTOR_CODE, .address = check_address(storm_handler)};
    const struct pv_memory_map_entry *map = (const void *)(uintptr_t)pv_start_info->memory_map;
    while (map->kind != PV_MEMORY_RAM)
        map++;
    storm_top = map->base + map->length;
    storm_bottom = 16 * units - 4;
    CHECK(storm_bottom < map->length / 2);
    CHECK_EQUAL(call_by_page(PV_CALL_TRAP_SET_TABLE, check_address(&entry), 1, 0), 0);
    storm_run();
}

static volatile uint32_t ticks, tick_calls;

static void on_tick(uint32_t port, uint32_t times)
{
    (void)port;
    tick_calls++;
    ticks += times;
}

/* Binds the timer and starts it with a period of so many units; returns when that was. */
static inline uint64_t storm_begin(uint32_t period_units, uint32_t policy)
{
    pv_interrupts_disable();
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_TIMER, STORM_PORT, on_tick), 0);
    CHECK_EQUAL(pv_timer_every((uint64_t)period_units * storm_unit_ns(), policy), 0);
    return pv_now_ns();
}

#endif
