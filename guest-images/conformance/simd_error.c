/* #XM: an unmasked SSE exception is a fault at its own instruction, which runs again with what the handler corrected.
   On a processor without SSE this holds by itself. */
#include "check.h"

GUEST(X1, simd_error);

#define SSE_IN_EDX (1u << 25)
#define EVERYTHING_MASKED 0x1f80u
#define ZERO_DIVIDE_UNMASKED 0x1d80u

extern const char dividing_instruction[];
static volatile uint32_t faults;
static uint32_t masked_control = EVERYTHING_MASKED;

static void on_fault(struct pv_trap_frame *frame)
{
    uint32_t control;
    faults++;
    CHECK_EQUAL(frame->vector, 19);
    CHECK_EQUAL(frame->eip, check_address(dividing_instruction));
    CHECK_EQUAL(frame->eflags & 0x10000, 0x10000);
    __asm__ volatile("stmxcsr %0" : "=m"(control));
    CHECK_EQUAL(control, ZERO_DIVIDE_UNMASKED | 4);
    __asm__ volatile("ldmxcsr %0" : : "m"(masked_control));
}

void check(void)
{
    static const uint32_t control = ZERO_DIVIDE_UNMASKED;
    uint32_t edx, result;
    __asm__ volatile("cpuid" : "=d"(edx) : "a"(1) : "ebx", "ecx");
    if ((edx & SSE_IN_EDX) == 0)
        return;
    CHECK_EQUAL(pv_trap_set(19, 0, on_fault), 0);
    __asm__ volatile("ldmxcsr %[control]\n\tmovl $0x3f800000, %%eax\n\tmovd %%eax, %%xmm0\n\txorps %%xmm1, %%xmm1\n"
                     "dividing_instruction:\n\tdivss %%xmm1, %%xmm0\n\tmovd %%xmm0, %%eax"
                     : "=a"(result)
                     : [control] "m"(control)
                     : "memory");
    CHECK_EQUAL(faults, 1);
    CHECK_EQUAL(result, 0x7f800000);
}
