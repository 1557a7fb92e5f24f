/* After MOV to SS and POP SS one more instruction retires before an upcall, so that a stack can be switched. */
#include "sweep.h"

GUEST(D2, stack_switch_shadow);

void shadowed_code(void);
extern const char after_mov[], after_pop[], mov_done[], pop_done[];

__asm__(".pushsection .text\n"
        "shadowed_code:\n"
        "    movl %ss, %eax\n"
        "    nop\n"
        "    movl %eax, %ss\n"
        "after_mov:\n"
        "    nop\n"
        "mov_done:\n"
        "    nop\n"
        "    pushl %ss\n"
        "    popl %ss\n"
        "after_pop:\n"
        "    nop\n"
        "pop_done:\n"
        "    nop\n"
        "    ret\n"
        ".popsection\n");

static uint32_t at_mov_done, at_pop_done;

static void judge(void)
{
    CHECK(probe.eip != check_address(after_mov));
    CHECK(probe.eip != check_address(after_pop));
    at_mov_done += probe.eip == check_address(mov_done);
    at_pop_done += probe.eip == check_address(pop_done);
}

void check(void)
{
    sweep(shadowed_code, judge);
    /* The upcall that was due one instruction earlier, and the one that was due here. */
    CHECK_EQUAL(at_mov_done, 2);
    CHECK_EQUAL(at_pop_done, 2);
}
