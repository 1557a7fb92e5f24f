/* TF: #DB after each instruction, the one that sets TF apart; the handler runs without TF, and the frame has it. */
#include "check.h"

GUEST(X3, single_step);

#define TF 0x100u
#define MOST 8u

void stepped_code(void);
extern const char step_1[], step_2[], step_3[], step_4[], step_5[];
static uint32_t eips[MOST];
static volatile uint32_t steps, strange;

__asm__(".pushsection .text\n"
        "stepped_code:\n"
        "    pushl $0x102\n"
        "    popfl\n"
        "    nop\n"
        "step_1:\n"
        "    pushl %ebx\n"
        "step_2:\n"
        "    popl %ebx\n"
        "step_3:\n"
        "    pushl $2\n"
        "step_4:\n"
        "    popfl\n"
        "step_5:\n"
        "    ret\n"
        ".popsection\n");

static void on_step(struct pv_trap_frame *frame)
{
    uint32_t flags;
    __asm__ volatile("pushfl\n\tpopl %0" : "=r"(flags));
    strange += (flags & TF) != 0;
    /* The POPF that clears TF is still followed by a #DB. */
    strange += (frame->eflags & TF) == 0 && frame->eip != check_address(step_5);
    if (steps < MOST)
        eips[steps] = frame->eip;
    steps++;
}

void check(void)
{
    CHECK_EQUAL(pv_trap_set(1, 0, on_step), 0);
    stepped_code();
    CHECK_EQUAL(strange, 0);
    CHECK_EQUAL(steps, 5);
    CHECK_EQUAL(eips[0], check_address(step_1));
    CHECK_EQUAL(eips[1], check_address(step_2));
    CHECK_EQUAL(eips[2], check_address(step_3));
    CHECK_EQUAL(eips[3], check_address(step_4));
    CHECK_EQUAL(eips[4], check_address(step_5));
}
