/* The other partition of the system `irq`: computes in its windows, and the interrupts of its neighbour never cost it an
   instruction. */
#include "pv.h"

#define LIMIT 10000u

static uint32_t is_prime(uint32_t number)
{
    for (uint32_t divisor = 2; divisor * divisor <= number; divisor++)
        if (number % divisor == 0)
            return 0;
    return 1;
}

int main(void)
{
    uint32_t primes = 0;
    for (uint32_t number = 2; number < LIMIT; number++)
        primes += is_prime(number);
    pv_print_number(primes, 1);
    pv_print(" primes below ");
    pv_print_number(LIMIT, 1);
    pv_print("\n");
    return 0;
}
