/* Delivery masks upcalls and clears TF and NT; the frame has them as they were, and returning restores them. */
#include "sweep.h"

GUEST(D3, flags_at_delivery);

#define TF 0x100u
#define NT 0x4000u

void stepped_code(void);
extern const char stepped_end[];
static uint32_t steps, strange_steps, upcalls_with_trap;

/* Sets TF and NT with one POPF, runs three instructions, and clears them. */
__asm__(".pushsection .text\n"
        "stepped_code:\n"
        "    pushl $0x4302\n"
        "    popfl\n"
        "    nop\n"
        "    nop\n"
        "    pushl $2\n"
        "    popfl\n"
        "stepped_end:\n"
        "    ret\n"
        ".popsection\n");

static void on_step(struct pv_trap_frame *frame)
{
    uint32_t start = check_address(stepped_code);
    steps++;
    strange_steps += frame->eip - start > check_address(stepped_end) - start;
}

static void judge(void)
{
    CHECK_EQUAL(probe.mask, 1);
    CHECK_EQUAL(probe.flags & (TF | NT), 0);
    if ((probe.eflags & TF) != 0) {
        CHECK_EQUAL(probe.eflags & NT, NT);
        upcalls_with_trap++;
    }
    /* Two NOPs, PUSH and POPF: no step was lost by the upcall, and none was added. */
    CHECK_EQUAL(steps, 4);
    CHECK_EQUAL(strange_steps, 0);
    steps = 0;
}

static void step_and_judge(void)
{
    steps = 0;
    stepped_code();
}

void check(void)
{
    CHECK_EQUAL(pv_trap_set(1, 0, on_step), 0);
    sweep(step_and_judge, judge);
    CHECK(upcalls_with_trap != 0);
}
