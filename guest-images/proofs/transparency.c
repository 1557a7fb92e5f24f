/* What a guest does between which an event can come: each section is run with an event at every boundary of its instructions,
   and must do the same. The first character of the command line chooses the section; a `t` after it makes the handler switch
   threads. Nothing here reads the time, which an event may shift. */
#include "proof.h"

#define LINE 7u
#define WAKE_LINE 8u
#define LINE_PORT 3u
#define WAKE_PORT 4u
#define SELF_PORT 70u
#define THREAD_PORT 73u
#define MARK_BEGIN 1u
#define MARK_END 2u
#define STACK_WORDS 1024u

/* What may differ, beside spare_stack: what the handlers count, and the stacks of the threads, dead or the handler's at the end. */
struct differing {
    volatile uint32_t upcalls;
    volatile uint32_t events[4];
    volatile uint32_t other_rounds;
    uint32_t running;
    uint32_t *saved_stack[2];
    uint32_t other_stack[STACK_WORDS];
    uint32_t coroutine_stack[STACK_WORDS];
};
struct differing differing;
uint32_t spare_stack[STACK_WORDS];
/* ESP in main, below which nothing counts. */
uint32_t stack_floor;
volatile uint32_t results[64];
uint32_t text_area[64];
uint32_t floating_area[160] __attribute__((aligned(16)));
uint32_t *coroutine_saved, *section_saved;

void switch_stack(uint32_t **save, uint32_t *load);
void iret_code(void);
void repeat_code(void);
void floating_code(void);
void stack_segment_code(void);
void integer_code(void);
void other_registers(void);
extern const char enter_frame[];

__asm__(".pushsection .text\n"
        "switch_stack:\n"
        "    movl 4(%esp), %eax\n"
        "    movl 8(%esp), %edx\n"
        "    pushl %ebp\n"
        "    pushl %ebx\n"
        "    pushl %esi\n"
        "    pushl %edi\n"
        "    movl %esp, (%eax)\n"
        "    movl %edx, %esp\n"
        "    popl %edi\n"
        "    popl %esi\n"
        "    popl %ebx\n"
        "    popl %ebp\n"
        "    ret\n"
        "enter_frame:\n"
        "    jmp *pv_iret_stub\n"
        /* Two frames made by hand: one leaves upcalls enabled, with odd flags, the other disabled. */
        "iret_code:\n"
        "    pushl $0xad7\n"
        "    pushl $0x23\n"
        "    pushl $1f\n"
        "    movl $0x13572468, %eax\n"
        "    jmp *pv_iret_stub\n"
        "1:  pushfl\n"
        "    popl results\n"
        "    movl %eax, results + 4\n"
        "    cld\n"
        "    pushl $0x893\n"
        "    pushl $0x23\n"
        "    pushl $2f\n"
        "    jmp *pv_iret_stub\n"
        "2:  pushfl\n"
        "    popl results + 8\n"
        "    ret\n"
        "repeat_code:\n"
        "    pushl %esi\n"
        "    pushl %edi\n"
        "    movl $results, %esi\n"
        "    movl $text_area, %edi\n"
        "    movl $24, %ecx\n"
        "    rep movsl\n"
        "    movl %esi, results\n"
        "    movl $0x5a, %eax\n"
        "    movl $text_area + 20, %edi\n"
        "    movl $19, %ecx\n"
        "    rep stosb\n"
        "    movl $results, %esi\n"
        "    movl $text_area, %edi\n"
        "    movl $40, %ecx\n"
        "    repe cmpsb\n"
        "    pushfl\n"
        "    popl results + 8\n"
        "    movl %ecx, results + 12\n"
        "    std\n"
        "    movl $text_area + 80, %edi\n"
        "    movl $30, %ecx\n"
        "    repne scasb\n"
        "    movl %edi, results + 16\n"
        "    movl $text_area + 40, %esi\n"
        "    movl $text_area + 44, %edi\n"
        "    movl $9, %ecx\n"
        "    rep movsl\n"
        "    cld\n"
        "    movl $text_area, %esi\n"
        "    movl $7, %ecx\n"
        "    rep lodsw\n"
        "    movl %eax, results + 20\n"
        "    popl %edi\n"
        "    popl %esi\n"
        "    ret\n"
        "floating_code:\n"
        "    fninit\n"
        "    fldpi\n"
        "    fld1\n"
        "    fadd %st(1), %st\n"
        "    fsqrt\n"
        "    fldl2e\n"
        "    fdivp\n"
        "    fldz\n"
        "    fcomp %st(1)\n"
        "    fnstsw %ax\n"
        "    movl %eax, results\n"
        "    fldln2\n"
        "    fmul %st(1), %st\n"
        "    fxch\n"
        "    fprem\n"
        "    fstpt floating_area + 512\n"
        "    fistpl floating_area + 528\n"
        "    fnstenv floating_area + 544\n"
        "    fldenv floating_area + 544\n"
        "    movl $0x01020304, %eax\n"
        "    movd %eax, %mm0\n"
        "    movq %mm0, %mm1\n"
        "    paddusb %mm0, %mm1\n"
        "    punpcklbw %mm0, %mm1\n"
        "    pmaddwd %mm1, %mm1\n"
        "    movq %mm1, floating_area + 576\n"
        "    emms\n"
        "    movl $0x40490fdb, %eax\n"
        "    movd %eax, %xmm1\n"
        "    sqrtss %xmm1, %xmm2\n"
        "    addss %xmm1, %xmm2\n"
        "    shufps $0x1b, %xmm2, %xmm2\n"
        "    fxsave floating_area\n"
        "    stmxcsr results + 4\n"
        "    fninit\n"
        "    ret\n"
        /* Between a load of SS and that of ESP there is no stack. */
        "stack_segment_code:\n"
        "    movl %esp, %ecx\n"
        "    movl %ss, %edx\n"
        "    movl $spare_stack + 4096, %eax\n"
        "    movl %edx, %ss\n"
        "    movl %eax, %esp\n"
        "    movl $7, %eax\n"
        "    movl %edx, %ss\n"
        "    movl %ecx, %esp\n"
        "    pushl %ss\n"
        "    popl %ss\n"
        "    movl %eax, results\n"
        "    movl %edx, %ss\n"
        "    movl %edx, %ss\n"
        "    incl results\n"
        "    ret\n"
        "integer_code:\n"
        "    pushal\n"
        "    movl $0x12345678, %eax\n"
        "    movl $0x9abcdef0, %edx\n"
        "    movl $7, %ecx\n"
        "    movl $0x0fedcba9, %ebx\n"
        "    addl %edx, %eax\n"
        "    adcl %ebx, %edx\n"
        "    mull %ebx\n"
        "    rcll %cl, %eax\n"
        "    xorl %edx, %edx\n"
        "    divl %ecx\n"
        "    sbbl %ebx, %edx\n"
        "    shldl $5, %eax, %edx\n"
        "    enter $8, $0\n"
        "    movl %eax, -4(%ebp)\n"
        "    pushfl\n"
        "    popl -8(%ebp)\n"
        "    imull $77, -4(%ebp), %ebx\n"
        "    leave\n"
        "    daa\n"
        "    bsrl %ebx, %esi\n"
        "    setc %bl\n"
        "    cmovol %eax, %edi\n"
        "    std\n"
        "    subl %ecx, %eax\n"
        "    pushfl\n"
        "    xorl $0xcd5, (%esp)\n"
        "    popfl\n"
        "    sbbl %ebx, %eax\n"
        "    cld\n"
        "    lock xaddl %eax, results\n"
        "    lock cmpxchgl %ebx, results\n"
        "    lock btrl $4, results\n"
        "    xchgl %eax, results + 4\n"
        "    bswapl %ecx\n"
        "    movl $results, %ebx\n"
        "    xlatb\n"
        "    movl $3, %ecx\n"
        "1:  incl results + 8\n"
        "    loop 1b\n"
        "    pushl results + 8\n"
        "    popl results + 12\n"
        "    popal\n"
        "    ret\n"
        /* Leaves nothing of what another thread had in its registers. */
        "other_registers:\n"
        "    pushal\n"
        "    movl $0x11111111, %eax\n"
        "    movl $0x22222222, %ecx\n"
        "    movl $0x33333333, %edx\n"
        "    movl $0x44444444, %ebx\n"
        "    movl $0x55555555, %ebp\n"
        "    movl $0x66666666, %esi\n"
        "    movl $0x77777777, %edi\n"
        "    std\n"
        "    stc\n"
        "    cld\n"
        "    popal\n"
        "    ret\n"
        ".popsection\n");

static void on_event(uint32_t port, uint32_t times)
{
    differing.events[port % 4] += times;
}

/* Each upcall goes on with the other thread, whose own frame it returns from. */
static void switch_threads(void)
{
    differing.upcalls++;
    uint32_t before = differing.running;
    differing.running = 1 - before;
    switch_stack(&differing.saved_stack[before], differing.saved_stack[1 - before]);
}

static void count_upcalls(void)
{
    differing.upcalls++;
}

/* Gives the processor back by an upcall of its own. */
static _Noreturn void other_thread(void)
{
    for (;;) {
        other_registers();
        differing.other_rounds++;
        pv_event_send(THREAD_PORT);
    }
}

static void prepare_other_thread(void)
{
    uint32_t *top = differing.other_stack + STACK_WORDS;
    *--top = PV_INTERRUPT_FLAG;
    *--top = PV_SELECTOR_CODE;
    *--top = (uint32_t)other_thread;
    *--top = (uint32_t)enter_frame;
    differing.saved_stack[1] = top - 4; /* EBP, EBX, ESI, EDI */
}

static void levels(void)
{
    uint32_t outer = pv_interrupts_disable();
    pv_event_send(SELF_PORT);
    uint32_t inner = pv_interrupts_disable();
    results[0] = outer | inner << 1;
    pv_interrupts_restore(inner);
    results[1] = pv_interrupts_level();
    pv_interrupts_restore(outer);
    pv_interrupts_disable();
    pv_event_send(SELF_PORT);
    pv_interrupts_enable();
    results[2] = pv_interrupts_level();
    pv_event_send(SELF_PORT);
    pv_event_mask(SELF_PORT);
    pv_event_send(SELF_PORT);
    pv_event_unmask(SELF_PORT);
}

static void flashes(void)
{
    pv_interrupts_disable();
    pv_interrupts_flash(PV_INTERRUPT_FLAG);
    pv_event_send(SELF_PORT);
    pv_interrupts_flash(PV_INTERRUPT_FLAG);
    pv_event_send(SELF_PORT);
    results[0] = pv_interrupts_level();
    proof_call(PV_CALL_INTERRUPTS_FLASH, PV_INTERRUPT_FLAG, 0, 0, 0);
    results[1] = pv_interrupts_level();
    pv_interrupts_flash(0);
    pv_interrupts_enable();
    pv_interrupts_flash(0);
}

static void returns(void)
{
    pv_interrupts_disable();
    pv_event_send(SELF_PORT);
    iret_code();
    results[3] = pv_interrupts_level();
    pv_event_send(SELF_PORT);
    pv_interrupts_enable();
    results[4] = pv_interrupts_level();
}

/* Waits for the line that wakes it; an event that comes first wakes it earlier, which makes no difference. */
static void waits(void)
{
    pv_interrupts_disable();
    pv_event_send(SELF_PORT);
    pv_block();
    results[0] = pv_interrupts_level();
    pv_interrupts_disable();
    pv_block();
    results[1] = pv_interrupts_level();
    pv_yield();
    results[2] = pv_interrupts_level();
}

static void coroutine(void)
{
    for (;;) {
        results[0]++;
        other_registers();
        switch_stack(&coroutine_saved, section_saved);
    }
}

static void switches(void)
{
    uint32_t *top = differing.coroutine_stack + STACK_WORDS;
    *--top = (uint32_t)coroutine;
    coroutine_saved = top - 4;
    for (uint32_t round = 0; round < 3; round++)
        switch_stack(&section_saved, coroutine_saved);
}

static void calls(void)
{
    struct pv_event_status status;
    results[0] = (uint32_t)pv_console_write("between\n", 8);
    results[1] = (uint32_t)pv_event_status(SELF_PORT, &status);
    results[2] = status.count;
    results[3] = (uint32_t)proof_call(PV_CALL_INTERRUPTS_SET_LEVEL, 0, 0, 0, 0);
    pv_event_send(SELF_PORT);
    results[4] = (uint32_t)proof_call(PV_CALL_INTERRUPTS_SET_LEVEL, PV_INTERRUPT_FLAG, 0, 0, 0);
    results[5] = (uint32_t)pv_segment_set_base(PV_SEGMENT_GS, (uint32_t)(uintptr_t)results);
    uint32_t word;
    __asm__ volatile("movl %%gs:8, %0" : "=r"(word));
    results[6] = word;
    pv_register_set(PV_REGISTER_DR0, 0x1234);
    pv_register_get(PV_REGISTER_DR0, &word);
    results[7] = word;
    results[8] = (uint32_t)proof_call(PV_CALL_EVENT_SEND, PV_EVENT_PORTS, 0, 0, 0);
    pv_trace_mark(3, results[8]);
}

static void (*const sections[])(void) = {
    levels, flashes, returns, waits, switches, repeat_code, floating_code, stack_segment_code, calls, integer_code,
};

int main(void)
{
    __asm__ volatile("movl %%esp, %0" : "=m"(stack_floor));
    const char *command = (const char *)(uintptr_t)pv_start_info->command_line;
    uint32_t section = (uint32_t)(command[0] - '0');
    if (section >= sizeof sections / sizeof sections[0])
        return 1;
    if (command[1] == 't') {
        prepare_other_thread();
        pv_set_after_events(switch_threads);
    } else {
        pv_set_after_events(count_upcalls);
    }
    if (pv_event_bind_self(SELF_PORT, on_event) != 0 || pv_event_bind_self(THREAD_PORT, on_event) != 0)
        return 2;
    if (proof_bind_line(LINE, LINE_PORT, on_event) != 0 || proof_bind_line(WAKE_LINE, WAKE_PORT, on_event) != 0)
        return 3;
    pv_interrupts_enable();
    pv_trace_mark(MARK_BEGIN, section);
    sections[section]();
    pv_trace_mark(MARK_END, section);
    return 0;
}
