/* A division by zero that is put right: the handler of the divide error replaces the divisor and returns, and the
   processor runs the same DIV again. */
#include "pv.h"

#define DIVIDE_ERROR 0

static uint32_t errors;

static void on_divide_error(struct pv_trap_frame *frame)
{
    errors++;
    pv_print("Divide error: the divisor becomes 6.\n");
    frame->ecx = 6;
}

/* The compiler must not see the division: it would take the zero as leave to do anything. */
static uint32_t divide(uint32_t dividend, uint32_t divisor)
{
    uint32_t quotient = dividend;
    uint32_t remainder = 0;
    __asm__ volatile("divl %2" : "+a"(quotient), "+d"(remainder), "+c"(divisor) : : "cc");
    return quotient;
}

int main(void)
{
    if (pv_trap_set(DIVIDE_ERROR, 0, on_divide_error) != 0)
        return 1;
    uint32_t quotient = divide(42, 0);
    pv_print("42 divided by what it became: ");
    pv_print_number(quotient, 1);
    pv_print("\n");
    return quotient == 7 && errors == 1 ? 0 : 2;
}
