/* A call changes EAX and nothing else: no register, no flag, by either way in, whether it succeeds or not. */
#include "check.h"

GUEST(C1, registers_kept);

/* In: the registers at the call. Out: the registers after it. */
struct registers {
    uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax, flags;
};

struct registers *registers_current;
uint32_t registers_target, registers_esp;
void make_call(void);
void make_gate_call(void);

#define LOAD                                                                                                           \
    "    pushal\n"                                                                                                     \
    "    movl registers_current, %eax\n"                                                                               \
    "    pushl 32(%eax)\n"                                                                                             \
    "    popfl\n"                                                                                                      \
    "    movl 0(%eax), %edi\n"                                                                                         \
    "    movl 4(%eax), %esi\n"                                                                                         \
    "    movl 8(%eax), %ebp\n"                                                                                         \
    "    movl 16(%eax), %ebx\n"                                                                                        \
    "    movl 20(%eax), %edx\n"                                                                                        \
    "    movl 24(%eax), %ecx\n"                                                                                        \
    "    movl 28(%eax), %eax\n"                                                                                        \
    "    movl %esp, registers_esp\n"
#define STORE                                                                                                          \
    "    pushfl\n"                                                                                                     \
    "    pushal\n"                                                                                                     \
    "    movl registers_current, %eax\n"                                                                               \
    "    popl 0(%eax)\n"                                                                                               \
    "    popl 4(%eax)\n"                                                                                               \
    "    popl 8(%eax)\n"                                                                                               \
    "    popl 12(%eax)\n"                                                                                              \
    "    popl 16(%eax)\n"                                                                                              \
    "    popl 20(%eax)\n"                                                                                              \
    "    popl 24(%eax)\n"                                                                                              \
    "    popl 28(%eax)\n"                                                                                              \
    "    popl 32(%eax)\n"                                                                                              \
    "    pushl $2\n"                                                                                                   \
    "    popfl\n"                                                                                                      \
    "    popal\n"                                                                                                      \
    "    ret\n"

__asm__(".pushsection .text\n"
        ".globl make_call, make_gate_call\n"
        "make_call:\n" LOAD "    call *registers_target\n" STORE
        "make_gate_call:\n" LOAD "    int $0x82\n" STORE ".popsection\n");

/* CF, PF, AF, ZF, SF, DF, OF, NT, AC, ID; bit 1 and IF are always set. */
#define EVERY_FLAG 0x244ed7u

static const uint8_t calls[] = {
    PV_CALL_EVENT_BIND_INTERRUPT, PV_CALL_EVENT_BIND_SELF,      PV_CALL_EVENT_UNBIND,
    PV_CALL_EVENT_MASK,           PV_CALL_EVENT_UNMASK,         PV_CALL_EVENT_SEND,
    PV_CALL_EVENT_STATUS,         PV_CALL_UPCALL_SET_ENTRY,     PV_CALL_INTERRUPTS_SET_LEVEL,
    PV_CALL_INTERRUPTS_GET_LEVEL, PV_CALL_INTERRUPTS_FLASH,     PV_CALL_TRAP_SET_TABLE,
    PV_CALL_TRAP_RAISE,           PV_CALL_TIME_NOW,             PV_CALL_TIMER_SET_ONE_SHOT,
    PV_CALL_TIMER_SET_PERIODIC,   PV_CALL_TIMER_CANCEL,         PV_CALL_YIELD,
    PV_CALL_CONSOLE_WRITE,        PV_CALL_TRACE_MARK,           PV_CALL_EVENT_BIND_LINE,
    PV_CALL_EVENT_BIND_CHANNEL,   PV_CALL_EVENT_BIND_VECTOR,    PV_CALL_EVENT_ACK,
    PV_CALL_EVENT_SET_PRIORITY,   PV_CALL_REGISTER_GET,         PV_CALL_REGISTER_SET,
    PV_CALL_WATCHDOG_SET,         PV_CALL_WINDOW_INFO,          PV_CALL_POLL,
    PV_CALL_PLAN_SWITCH,          PV_CALL_HEALTH_RAISE,         PV_CALL_HEALTH_READ,
    PV_CALL_HEALTH_ACKNOWLEDGE,   PV_CALL_PARTITION_FIND,       PV_CALL_PARTITION_STATUS,
    PV_CALL_PARTITION_CONTROL,    0xff,
};

static void check_call(uint32_t number, uint32_t ebx, uint32_t flags)
{
    for (uint32_t way = 0; way < 2; way++) {
        struct registers registers = {
            .edi = 0xd1d1d1d1, .esi = 0x51515151, .ebp = 0xb9b9b9b9, .ebx = ebx,
            .edx = 0xd0d0d0d1, .ecx = 0xc0c0c0c1, .eax = number,     .flags = flags,
        };
        registers_current = &registers;
        registers_target = check_stub(number);
        (way == 0 ? make_call : make_gate_call)();
        CHECK_EQUAL(registers.edi, 0xd1d1d1d1);
        CHECK_EQUAL(registers.esi, 0x51515151);
        CHECK_EQUAL(registers.ebp, 0xb9b9b9b9);
        CHECK_EQUAL(registers.ebx, ebx);
        CHECK_EQUAL(registers.edx, 0xd0d0d0d1);
        CHECK_EQUAL(registers.ecx, 0xc0c0c0c1);
        CHECK_EQUAL(registers.esp, registers_esp - 4);
        CHECK_EQUAL(registers.flags, flags);
    }
}

void check(void)
{
    static uint64_t now_ns;
    for (uint32_t index = 0; index < sizeof calls; index++) {
        check_call(calls[index], 0x0b0b0005, EVERY_FLAG);
        check_call(calls[index], 0x0b0b0005, 0x202);
    }
    check_call(PV_CALL_TIME_NOW, check_address(&now_ns), EVERY_FLAG);
    CHECK(now_ns != 0);
}
