/* Between two iterations of a REP an upcall is delivered, too: the frame points at the REP, ECX says what is left, and
   the whole is done in the end. */
#include "sweep.h"

GUEST(D5, inside_a_repeat);

#define BYTES 24

void repeating_code(void);
extern const char repeat_forward[], repeat_backward[];
const char repeat_source[BYTES] = "abcdefghijklmnopqrstuvwx";
char repeat_target[BYTES], repeat_reversed[BYTES];

__asm__(".pushsection .text\n"
        "repeating_code:\n"
        "    pushl %esi\n"
        "    pushl %edi\n"
        "    movl $repeat_source, %esi\n"
        "    movl $repeat_target, %edi\n"
        "    movl $24, %ecx\n"
        "repeat_forward:\n"
        "    rep movsb\n"
        "    movl $repeat_source + 23, %esi\n"
        "    movl $repeat_reversed + 23, %edi\n"
        "    movl $24, %ecx\n"
        "    std\n"
        "repeat_backward:\n"
        "    rep movsb\n"
        "    cld\n"
        "    popl %edi\n"
        "    popl %esi\n"
        "    ret\n"
        ".popsection\n");

static uint32_t seen_forward, seen_backward;

static void judge(void)
{
    if (probe.eip == check_address(repeat_forward))
        seen_forward |= 1u << probe.ecx;
    if (probe.eip == check_address(repeat_backward)) {
        seen_backward |= 1u << probe.ecx;
        CHECK_EQUAL(probe.flags & 0x400, 0x400);
    }
    for (uint32_t index = 0; index < BYTES; index++) {
        CHECK_EQUAL(repeat_target[index], repeat_source[index]);
        CHECK_EQUAL(repeat_reversed[index], repeat_source[index]);
        repeat_target[index] = repeat_reversed[index] = 0;
    }
}

void check(void)
{
    sweep(repeating_code, judge);
    CHECK_EQUAL(seen_forward, 0x1fffffe);
    CHECK_EQUAL(seen_backward, 0x1fffffe);
}
