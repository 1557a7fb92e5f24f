/* The state of the x87, of MMX and of SSE belongs to the guest: an upcall in the middle of floating-point code leaves it
   alone, pointers to the last instruction included. */
#include "sweep.h"

GUEST(F2, transparent_x87);

uint32_t saved_state[128] __attribute__((aligned(16)));
static uint32_t expected_state[128];
void floating_code(void);

__asm__(".pushsection .text\n"
        "floating_code:\n"
        "    fninit\n"
        "    fldpi\n"
        "    fld1\n"
        "    fadd %st(1), %st\n"
        "    fsqrt\n"
        "    fldl2e\n"
        "    fdivp\n"
        "    fldz\n"
        "    fcomp %st(1)\n"
        "    fldln2\n"
        "    fmul %st(1), %st\n"
        "    fxch\n"
        "    fprem\n"
        "    movl $0x40490fdb, %eax\n"
        "    movd %eax, %xmm1\n"
        "    sqrtss %xmm1, %xmm2\n"
        "    addss %xmm1, %xmm2\n"
        "    fxsave saved_state\n"
        "    fninit\n"
        "    ret\n"
        ".popsection\n");

static void compute(void)
{
    for (uint32_t index = 0; index < 128; index++)
        saved_state[index] = 0;
    floating_code();
}

static void judge(void)
{
    for (uint32_t index = 0; index < 128; index++)
        CHECK_EQUAL(saved_state[index], expected_state[index]);
}

void check(void)
{
    compute();
    for (uint32_t index = 0; index < 128; index++)
        expected_state[index] = saved_state[index];
    CHECK(sweep(floating_code, judge) > 15);
}
