/* Instructions that fault: which exception came, with which frame; and on with the next instruction. */
#ifndef FAULT_H
#define FAULT_H

#include "check.h"

#define NO_FAULT 0xffffffffu

/* The last exception. `esp` is the stack pointer of the interrupted code. */
static volatile struct {
    uint32_t vector, error_code, eip, eflags, esp, address, mask;
} fault;

/* Of the last TRY: the address of the instruction and of the next one. */
static uint32_t try_at, try_next;

static void on_fault(struct pv_trap_frame *frame)
{
    fault.vector = frame->vector;
    fault.error_code = frame->error_code;
    fault.eip = frame->eip;
    fault.eflags = frame->eflags;
    fault.esp = check_address(&frame->eflags + 1);
    fault.address = pv_fault_address();
    fault.mask = check_shared()->mask;
    frame->eip = try_next;
}

static inline void fault_expect(uint32_t vector)
{
    CHECK_EQUAL(pv_trap_set(vector, 0, on_fault), 0);
}

/* Runs an instruction, which may change EAX and EDX. Operands: %[b], %[c] and so on, after the text. */
#define TRY(instruction, ...)                                                                                          \
    do {                                                                                                               \
        fault.vector = NO_FAULT;                                                                                       \
        __asm__ volatile("movl $76f, %[try_at]\n\tmovl $77f, %[try_next]\n76:\t" instruction "\n77:"                   \
                         : [try_at] "=m"(try_at), [try_next] "=m"(try_next)                                            \
                         : __VA_ARGS__                                                                                 \
                         : "eax", "edx", "cc", "memory");                                                              \
    } while (0)

/* The instruction faulted, at itself. */
#define CHECK_FAULT(number, code)                                                                                      \
    do {                                                                                                               \
        CHECK_EQUAL(fault.vector, number);                                                                             \
        CHECK_EQUAL(fault.error_code, code);                                                                           \
        CHECK_EQUAL(fault.eip, try_at);                                                                                \
    } while (0)

#endif
