/* The core keeps nothing about an upcall: a handler switches to another stack, takes a second upcall there, and returns
   from the first frame before the second. */
#include "check.h"

GUEST(I4, frames_in_any_order);

#define PORT 6u

static uint32_t other_stack[512];
uint32_t order_stub, order_upcalls, order_first, order_second, order_main, order_mask;
uint32_t order_other_end = 0;
uint32_t order_log;
void order_entry(void);
void run_in_order(void);
void make_due(void);

void make_due(void)
{
    call_by_page(PV_CALL_EVENT_SEND, PORT, 0, 0);
}

/* The log gets a digit for each thing that happens. */
#define LOG(digit) "    shll $4, order_log\n    orl $" #digit ", order_log\n"
#define TAKE                                                                                                           \
    "    movl order_mask, %ebx\n"                                                                                      \
    "    movl $0, 4(%ebx)\n"                                                                                           \
    "    movl $0, 8(%ebx)\n"                                                                                           \
    "    movl $0, 0x400(%ebx)\n"
#define ENABLE "    movl order_mask, %ebx\n    movl $0, (%ebx)\n"
#define DISABLE "    movl order_mask, %ebx\n    movl $1, (%ebx)\n"

__asm__(".pushsection .text\n"
        ".globl order_entry, run_in_order\n"
        "order_entry:\n"
        "    pushal\n" TAKE
        "    incl order_upcalls\n"
        "    cmpl $1, order_upcalls\n"
        "    jne 1f\n"
        /* The first upcall: to the other stack, where the second one comes. */
        LOG(1)
        "    movl %esp, order_first\n"
        "    movl order_other_end, %esp\n"
        "    call make_due\n" ENABLE
        LOG(4)
        DISABLE
        "    movl order_main, %esp\n"
        "    popal\n"
        "    ret\n"
        /* The second one: on with the first frame. */
        "1:\n" LOG(2)
        "    movl %esp, order_second\n"
        "    movl order_first, %esp\n"
        "    popal\n"
        "    jmp *order_stub\n"
        "run_in_order:\n"
        "    pushal\n"
        "    movl %esp, order_main\n"
        "    call make_due\n"
        "    movl $0x77, %ecx\n" ENABLE
        LOG(3)
        DISABLE
        "    cmpl $0x77, %ecx\n"
        "    jne 2f\n"
        "    movl order_second, %esp\n"
        "    popal\n"
        "    jmp *order_stub\n"
        "2:  ud2\n"
        ".popsection\n");

void check(void)
{
    uint32_t count;
    order_stub = check_stub(PV_CALL_IRET);
    order_mask = check_address(&check_shared()->mask);
    order_other_end = check_address(other_stack) + sizeof other_stack;
    CHECK_EQUAL(call_by_page(PV_CALL_UPCALL_SET_ENTRY, check_address(order_entry), 0, 0), 0);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_SELF, PORT, check_address(&count), 0), 0);
    run_in_order();
    CHECK_EQUAL(order_upcalls, 2);
    CHECK_EQUAL(order_log, 0x1234);
}
