/* A frame that `iret` cannot enter is a fault at the INT, with ESP as it was there, and nothing has changed. */
#include "fault.h"

GUEST(I3, bad_frames);

static uint32_t esp_at_int;

/* The gate's view of the call: [ESP] = EAX, EIP, CS, EFLAGS. */
static void enter(uint32_t selector)
{
    fault.vector = NO_FAULT;
    __asm__ volatile("movl $76f, %[at]\n\tmovl $77f, %[next]\n\tmovl %%esp, %%esi\n\t"
                     "pushl $0x202\n\tpushl %[selector]\n\tpushl $77f\n\tpushl $5\n\t"
                     "movl %%esp, %[esp]\n\tmovl $0x13, %%eax\n76:\tint $0x82\n77:\tmovl %%esi, %%esp"
                     : [at] "=m"(try_at), [next] "=m"(try_next), [esp] "=m"(esp_at_int)
                     : [selector] "b"(selector)
                     : "eax", "esi", "cc", "memory");
}

static uint32_t ram_end(void)
{
    const struct pv_memory_map_entry *map = (const void *)(uintptr_t)pv_start_info->memory_map;
    uint32_t index = 0;
    while (map[index].kind != PV_MEMORY_RAM)
        index++;
    return map[index].base + map[index].length;
}

static void check_selector(uint32_t selector)
{
    enter(selector);
    CHECK_FAULT(13, selector & 0xfffc);
    CHECK_EQUAL(fault.esp, esp_at_int);
    CHECK_EQUAL(fault.eflags & PV_INTERRUPT_FLAG, 0);
    CHECK_EQUAL(check_shared()->mask, 1);
}

void check(void)
{
    static const uint32_t selectors[] = {0, 3, 0x1b, 0x20, PV_SELECTOR_DATA, PV_SELECTOR_GS, 0xfff3};
    fault_expect(13);
    fault_expect(14);
    pv_interrupts_disable();
    for (uint32_t index = 0; index < sizeof selectors / sizeof *selectors; index++)
        check_selector(selectors[index]);
    enter(PV_SELECTOR_CODE);
    CHECK_EQUAL(fault.vector, NO_FAULT);
    CHECK_EQUAL(check_shared()->mask, 0);

    /* Two words of the frame, then the end of memory. */
    pv_interrupts_disable();
    uint32_t end = ram_end();
    __asm__ volatile("movl $77f, %[next]\n\tmovl %%esp, %%esi\n\tmovl %[end], %%esp\n\t"
                     "movl $0x13, %%eax\n\tint $0x82\n77:\tmovl %%esi, %%esp"
                     : [next] "=m"(try_next)
                     : [end] "b"(end - 8)
                     : "eax", "esi", "cc", "memory");
    CHECK_EQUAL(fault.vector, 14);
    CHECK_EQUAL(fault.address, end);
    CHECK_EQUAL(fault.esp, end - 8);
    CHECK_EQUAL(check_shared()->mask, 1);
}
