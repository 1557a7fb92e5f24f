/* A call costs the units of its instructions, and no other virtual time. */
#include "check.h"

GUEST(C5, call_cost);

#define CALLS 100u

/* Units of a loop of two instructions around `text`. EBX and ECX are 0. */
#define UNITS_OF(text)                                                                                                 \
    ({                                                                                                                 \
        uint32_t rounds = CALLS, units;                                                                                \
        __asm__ volatile("rdtsc\n\tmovl %%eax, %[units]\n"                                                            \
                         "1:\t" text "\n\tdecl %[rounds]\n\tjnz 1b\n\t"                                              \
                         "rdtsc\n\tsubl %[units], %%eax\n\tmovl %%eax, %[units]"                                      \
                         : [rounds] "+S"(rounds), [units] "=&m"(units)                                                 \
                         : "b"(0), "c"(0), [stub] "D"(stub)                                                            \
                         : "eax", "edx", "memory", "cc");                                                              \
        units;                                                                                                         \
    })

void check(void)
{
    uint32_t stub = check_stub(PV_CALL_CONSOLE_WRITE);
    uint32_t nothing = UNITS_OF("movl $0xd0, %%eax");
    uint32_t by_gate = UNITS_OF("movl $0xd0, %%eax\n\tint $0x82");
    uint32_t by_page = UNITS_OF("movl $0xd0, %%eax\n\tcall *%[stub]");
    uint32_t refused = UNITS_OF("movl $0xffffffff, %%eax\n\tint $0x82");
    CHECK_EQUAL(by_gate - nothing, CALLS);
    /* CALL, MOV, INT, RET */
    CHECK_EQUAL(by_page - nothing, 4 * CALLS);
    CHECK_EQUAL(refused - nothing, CALLS);
}
