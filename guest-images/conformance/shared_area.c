/* A shared area: found by its name, the same bytes for all its members, with the rights of each. The subject may write it, the
   other only read. */
#include "system.h"

GUEST(E4, shared_area);

static const char name[] = "board";
static struct pv_memory_map_entry area;
static volatile uint32_t faults, next;

static int32_t find(uint32_t length)
{
    return call_by_page(PV_CALL_SHARED_AREA_FIND, check_address(name), length, check_address(&area));
}

static void on_fault(struct pv_trap_frame *frame)
{
    faults++;
    frame->eip = next;
}

void check(void)
{
    CHECK_EQUAL(find(sizeof name - 2), PV_ERROR_NO_SUCH_OBJECT);
    CHECK_EQUAL(find(sizeof name - 1), 0);
    CHECK_EQUAL(area.kind, PV_MEMORY_SHARED_AREA);
    CHECK_EQUAL(area.length, 4096);
    CHECK_EQUAL(area.rights, PV_RIGHT_READ | PV_RIGHT_WRITE);
    volatile uint32_t *words = (volatile uint32_t *)(uintptr_t)area.base;
    CHECK_EQUAL(words[1023], 0);
    words[1023] = 0x600d;
    CHECK_EQUAL(system_wait_for_other(), 0);
    CHECK_EQUAL(words[1023], 0x600d);
}

void other(void)
{
    pv_trap_set(14, 0, on_fault);
    if (find(sizeof name - 1) != 0 || area.rights != PV_RIGHT_READ)
        pv_shutdown(1);
    volatile uint32_t *words = (volatile uint32_t *)(uintptr_t)area.base;
    if (words[1023] != 0x600d)
        pv_shutdown(2);
    __asm__ volatile("movl $1f, %0\n\tmovl $0, (%1)\n1:" : "=m"(next) : "r"(words + 1023) : "memory");
    if (faults != 1 || words[1023] != 0x600d)
        pv_shutdown(3);
}
