/* The bases of FS and GS: set by one call that loads the register, too; base plus offset wraps. */
#include "check.h"

GUEST(G1, segment_base);

static uint32_t words[4] = {0x10, 0x11, 0x12, 0x13};

#define GS(offset)                                                                                                     \
    ({                                                                                                                 \
        uint32_t value;                                                                                                \
        __asm__ volatile("movl %%gs:(%1), %0" : "=r"(value) : "r"((uint32_t)(offset)));                                \
        value;                                                                                                         \
    })
#define FS(offset)                                                                                                     \
    ({                                                                                                                 \
        uint32_t value;                                                                                                \
        __asm__ volatile("movl %%fs:(%1), %0" : "=r"(value) : "r"((uint32_t)(offset)));                                \
        value;                                                                                                         \
    })

void check(void)
{
    uint32_t gs, fs;
    CHECK_EQUAL(pv_segment_set_base(PV_SEGMENT_GS, check_address(words + 2)), PV_SELECTOR_GS);
    __asm__ volatile("movl %%gs, %0\n\tmovl %%fs, %1" : "=r"(gs), "=r"(fs));
    CHECK_EQUAL(gs & 0xffff, PV_SELECTOR_GS);
    CHECK_EQUAL(fs & 0xffff, 0);
    CHECK_EQUAL(GS(0), 0x12);
    CHECK_EQUAL(GS(4), 0x13);
    CHECK_EQUAL(GS(-4), 0x11);
    CHECK_EQUAL(GS(-8), 0x10);

    CHECK_EQUAL(pv_segment_set_base(PV_SEGMENT_FS, check_address(words)), PV_SELECTOR_FS);
    CHECK_EQUAL(FS(4), 0x11);
    CHECK_EQUAL(GS(4), 0x13);
    /* A base high up reaches low memory by wrapping. */
    CHECK_EQUAL(pv_segment_set_base(PV_SEGMENT_FS, 0xf0000000), PV_SELECTOR_FS);
    CHECK_EQUAL(FS(check_address(words) + 0x10000000), 0x10);
    CHECK_EQUAL(pv_segment_set_base(PV_SEGMENT_GS, 0xffffffff), PV_SELECTOR_GS);
    CHECK_EQUAL(GS(check_address(words + 1) + 1), 0x11);
    CHECK_EQUAL(pv_segment_set_base(PV_SEGMENT_GS + 1, 0), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(pv_segment_set_base(PV_SEGMENT_GS, 0), PV_SELECTOR_GS);
    CHECK_EQUAL(GS(check_address(words + 3)), 0x13);
}
