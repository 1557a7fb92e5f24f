/* The time page tells what `time_now` tells, to one microsecond, and never runs ahead of it. */
#include "check.h"

GUEST(S1, time_page);

static uint64_t time_stamp(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* A product of 96 bits, shifted right by 32. */
static uint64_t scaled(uint64_t delta, uint32_t multiplier)
{
    return (delta >> 32) * multiplier + (((delta & 0xffffffff) * multiplier) >> 32);
}

static uint64_t page_now_ns(void)
{
    volatile struct pv_shared_page *shared = check_shared();
    for (;;) {
        uint32_t version = shared->time_version;
        uint64_t delta = time_stamp() - shared->time_stamp;
        int32_t shift = (int32_t)shared->time_shift;
        delta = shift < 0 ? delta >> -shift : delta << shift;
        uint64_t now_ns = shared->system_time_ns + scaled(delta, shared->time_multiplier);
        if (shared->time_version == version && version % 2 == 0)
            return now_ns;
    }
}

void check(void)
{
    CHECK(check_shared()->time_version != 0);
    for (uint32_t round = 0; round < 300; round++) {
        uint64_t before_ns = pv_now_ns();
        uint64_t now_ns = page_now_ns();
        uint64_t after_ns = pv_now_ns();
        CHECK(now_ns <= after_ns);
        CHECK(now_ns + 1000 >= before_ns);
        CHECK(after_ns > before_ns);
        for (uint32_t step = 0; step < round; step++)
            __asm__ volatile("nop");
    }
}
