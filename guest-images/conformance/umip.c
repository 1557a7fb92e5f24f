/* With UMIP the instructions that only read the system's tables are privileged, too: #GP(0) at themselves under `reflect`, which is
   the subject's policy. What they would write stays as it was. */
#include "fault.h"
#include "system.h"

GUEST(R6, umip);

#define CR4_UMIP 0x800u
#define REFUSED(instruction, ...)                                                                                      \
    do {                                                                                                               \
        TRY(instruction, __VA_ARGS__);                                                                                 \
        CHECK_FAULT(13, 0);                                                                                            \
        CHECK_EQUAL(words[0], 0x12345678);                                                                             \
        CHECK_EQUAL(words[1], 0x9abcdef0);                                                                             \
    } while (0)

static uint32_t words[2] = {0x12345678, 0x9abcdef0};

void check(void)
{
    uint32_t cr4 = 0;
    fault_expect(13);
    REFUSED("sgdt (%[b])", [b] "b"(words));
    REFUSED("sidt (%[b])", [b] "b"(words));
    REFUSED("sldt (%[b])", [b] "b"(words));
    REFUSED("str (%[b])", [b] "b"(words));
    REFUSED("smsw (%[b])", [b] "b"(words));
    REFUSED("sldt %%eax", [b] "b"(words));
    REFUSED("str %%eax", [b] "b"(words));
    REFUSED("smsw %%eax", [b] "b"(words));
    CHECK_EQUAL(pv_register_get(PV_REGISTER_CR4, &cr4), 0);
    CHECK_EQUAL(cr4 & CR4_UMIP, CR4_UMIP);
    CHECK_EQUAL(check_shared()->cr4, cr4);
    CHECK(pv_register_set(PV_REGISTER_CR4, cr4 & ~CR4_UMIP) < 0);
}
