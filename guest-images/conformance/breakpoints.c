/* Breakpoints by the debug registers: before an instruction, until RF lets it go on; after a write or any access. */
#include "check.h"

GUEST(R4, breakpoints);

#define RF 0x10000u
#define ONES 0xffff0ff0u
#define ENABLE_0 1u
#define ENABLE_1 4u
#define WRITE_4_BYTES_0 0xd0000u
#define ACCESS_4_BYTES_1 0xf00000u

void watched_code(void);
extern const char before_inc[], after_load[], after_store[];
static uint32_t watched[2];
static volatile uint32_t hits, eip, status;

__asm__(".pushsection .text\n"
        "watched_code:\n"
        "    movl $watched, %eax\n"
        "before_inc:\n"
        "    incl %ecx\n"
        "    movl (%eax), %edx\n"
        "after_load:\n"
        "    movl %edx, (%eax)\n"
        "after_store:\n"
        "    ret\n"
        ".popsection\n");

static void on_debug(struct pv_trap_frame *frame)
{
    uint32_t value;
    hits++;
    eip = frame->eip;
    call_by_page(PV_CALL_REGISTER_GET, PV_REGISTER_DR6, check_address(&value), 0);
    status = value;
    call_by_page(PV_CALL_REGISTER_SET, PV_REGISTER_DR6, 0, 0);
    frame->eflags |= RF;
}

static void expect(uint32_t dr0, uint32_t dr1, uint32_t dr7, uint32_t times, const char *last, uint32_t bits)
{
    hits = 0;
    call_by_page(PV_CALL_REGISTER_SET, PV_REGISTER_DR0, dr0, 0);
    call_by_page(PV_CALL_REGISTER_SET, PV_REGISTER_DR1, dr1, 0);
    call_by_page(PV_CALL_REGISTER_SET, PV_REGISTER_DR7, dr7, 0);
    __asm__ volatile("call watched_code" : : : "eax", "ecx", "edx", "memory", "cc");
    call_by_page(PV_CALL_REGISTER_SET, PV_REGISTER_DR7, 0, 0);
    CHECK_EQUAL(hits, times);
    if (times != 0) {
        CHECK_EQUAL(eip, check_address(last));
        CHECK_EQUAL(status, ONES | bits);
    }
}

void check(void)
{
    uint32_t code = check_address(before_inc), data = check_address(watched);
    CHECK_EQUAL(pv_trap_set(1, 0, on_debug), 0);
    expect(code, data, 0, 0, 0, 0);
    expect(code, code, ENABLE_0, 1, before_inc, 1);
    expect(code, code, ENABLE_0 | ENABLE_1, 1, before_inc, 3);
    expect(data, 0, ENABLE_0 | WRITE_4_BYTES_0, 1, after_store, 1);
    expect(0, data, ENABLE_1 | ACCESS_4_BYTES_1, 2, after_store, 2);
    expect(data + 4, data + 4, ENABLE_0 | ENABLE_1 | WRITE_4_BYTES_0 | ACCESS_4_BYTES_1, 0, 0, 0);
}
