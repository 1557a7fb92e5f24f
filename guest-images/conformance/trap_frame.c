/* A trap is as transparent as an upcall: with a handler that only returns, every register, flag and byte at or above ESP is
   as before; a fault's frame has the error code lowest, a trap's frame has none. */
#include "check.h"

GUEST(F4, trap_frame);

uint32_t frame_stub, frame_words[4], frame_esp, frame_before_esp, frame_after_esp, frame_above[2], frame_flags[2];
uint32_t frame_registers[8];
void plain_entry(void);
void coded_entry(void);
void make_trap(void);
void make_fault(void);
extern const char trap_next[], fault_at[], fault_next[];

#define NOTE(word)                                                                                                     \
    "    movl " #word "*4(%esp), %eax\n"                                                                               \
    "    movl %eax, frame_words + " #word "*4 - 4\n"

#define AROUND(instructions)                                                                                           \
    "    pushal\n"                                                                                                     \
    "    movl $0x1d1d1d1d, %edi\n"                                                                                     \
    "    movl $0x15151515, %esi\n"                                                                                     \
    "    movl $0x1b1b1b1b, %ebx\n"                                                                                     \
    "    movl $0x1c1c1c1c, %ecx\n"                                                                                     \
    "    pushl $0xa110a110\n"                                                                                          \
    "    pushl $0xb110b110\n"                                                                                          \
    "    movl $0x1a1a1a1a, %eax\n"                                                                                     \
    "    movl %esp, frame_before_esp\n"                                                                                \
    "    cmpl %ebx, %ecx\n"                                                                                            \
    "    std\n" instructions "    pushfl\n"                                                                            \
    "    cld\n"                                                                                                        \
    "    popl frame_flags\n"                                                                                           \
    "    movl %esp, frame_after_esp\n"                                                                                 \
    "    popl frame_above\n"                                                                                           \
    "    popl frame_above + 4\n"                                                                                       \
    "    movl %eax, frame_registers\n"                                                                                 \
    "    movl %ebx, frame_registers + 4\n"                                                                             \
    "    movl %ecx, frame_registers + 8\n"                                                                             \
    "    movl %esi, frame_registers + 12\n"                                                                            \
    "    movl %edi, frame_registers + 16\n"                                                                            \
    "    popal\n"                                                                                                      \
    "    ret\n"

__asm__(".pushsection .text\n"
        "plain_entry:\n"
        "    movl %esp, frame_esp\n"
        "    pushl %eax\n" NOTE(1) NOTE(2) NOTE(3)
        "    popl %eax\n"
        "    jmp *frame_stub\n"
        "coded_entry:\n"
        "    movl %esp, frame_esp\n"
        "    pushl %eax\n" NOTE(1) NOTE(2) NOTE(3) NOTE(4)
        "    popl %eax\n"
        "    addl $4, %esp\n"
        "    movl $fault_next, (%esp)\n"
        "    jmp *frame_stub\n"
        "make_trap:\n" AROUND("    int3\ntrap_next:\n")
        "make_fault:\n" AROUND("fault_at:\n    hlt\nfault_next:\n")
        ".popsection\n");

static void check_after(void)
{
    CHECK_EQUAL(frame_after_esp, frame_before_esp);
    CHECK_EQUAL(frame_above[0], 0xb110b110);
    CHECK_EQUAL(frame_above[1], 0xa110a110);
    static const uint32_t expected[] = {0x1a1a1a1a, 0x1b1b1b1b, 0x1c1c1c1c, 0x15151515, 0x1d1d1d1d};
    for (uint32_t index = 0; index < 5; index++)
        CHECK_EQUAL(frame_registers[index], expected[index]);
    CHECK_EQUAL(frame_flags[0] & 0x400, 0x400);
}

void check(void)
{
    struct pv_trap_entry entries[] = {
        {.vector = 3, .selector = PV_SELECTOR_CODE, .address = check_address(plain_entry)},
        {.vector = 13, .selector = PV_SELECTOR_CODE, .address = check_address(coded_entry)},
    };
    frame_stub = check_stub(PV_CALL_IRET);
    CHECK_EQUAL(call_by_page(PV_CALL_TRAP_SET_TABLE, check_address(entries), 2, 0), 0);
    make_trap();
    CHECK_EQUAL(frame_esp, frame_before_esp - 12);
    CHECK_EQUAL(frame_words[0], check_address(trap_next));
    CHECK_EQUAL(frame_words[1], PV_SELECTOR_CODE);
    CHECK_EQUAL(frame_words[2] | PV_INTERRUPT_FLAG, frame_flags[0]);
    check_after();

    make_fault();
    CHECK_EQUAL(frame_esp, frame_before_esp - 16);
    CHECK_EQUAL(frame_words[0], 0);
    CHECK_EQUAL(frame_words[1], check_address(fault_at));
    CHECK_EQUAL(frame_words[2], PV_SELECTOR_CODE);
    CHECK_EQUAL(frame_words[3] | PV_INTERRUPT_FLAG, frame_flags[0] | 0x10000);
    check_after();
}
