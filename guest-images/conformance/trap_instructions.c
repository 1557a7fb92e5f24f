/* INT3, INTO and INT1 are traps: their frames point at the next instruction, RF clear, and need no permission. */
#include "check.h"

GUEST(X2, trap_instructions);

static volatile struct {
    uint32_t vector, eip, eflags, count;
} trap;

static void on_trap(struct pv_trap_frame *frame)
{
    trap.vector = frame->vector;
    trap.eip = frame->eip;
    trap.eflags = frame->eflags;
    trap.count++;
}

#define TRAPS(instruction, number)                                                                                     \
    do {                                                                                                               \
        uint32_t next, before = trap.count;                                                                            \
        __asm__ volatile("movl $1f, %0\n\tmovb $127, %%al\n\taddb $1, %%al\n\t" instruction "\n1:"                      \
                         : "=&r"(next)                                                                                 \
                         :                                                                                             \
                         : "eax", "cc", "memory");                                                                     \
        CHECK_EQUAL(trap.count, before + 1);                                                                           \
        CHECK_EQUAL(trap.vector, number);                                                                              \
        CHECK_EQUAL(trap.eip, next);                                                                                   \
        CHECK_EQUAL(trap.eflags & 0x10000, 0);                                                                         \
        CHECK_EQUAL(trap.eflags & 0x800, 0x800);                                                                       \
    } while (0)

void check(void)
{
    CHECK_EQUAL(pv_trap_set(1, 0, on_trap), 0);
    CHECK_EQUAL(pv_trap_set(3, 0, on_trap), 0);
    CHECK_EQUAL(pv_trap_set(4, 0, on_trap), 0);
    TRAPS("int3", 3);
    TRAPS("into", 4);
    TRAPS(".byte 0xf1", 1);
    uint32_t before = trap.count;
    __asm__ volatile("xorl %%eax, %%eax\n\tinto" : : : "eax", "cc");
    CHECK_EQUAL(trap.count, before);
}
