/* An upcall between any two instructions changes no register, no flag and no byte at or above ESP. */
#include "sweep.h"

GUEST(F2, transparent_integer);

/* EDI, ESI, EBP, ESP, EBX, EDX, ECX, EAX, EFLAGS, and the words that were on the stack. */
#define WORDS 14

uint32_t computed[WORDS], computing_caller;
uint8_t computing_stack[4096];
static uint32_t expected[WORDS];
void computing_code(void);

__asm__(".pushsection .text\n"
        "computing_code:\n"
        "    pushal\n"
        /* On a stack of its own: ESP is among what is compared. */
        "    movl %esp, computing_caller\n"
        "    movl $computing_stack + 4096, %esp\n"
        "    movl $0x51515151, %esi\n"
        "    movl $0xd1d1d1d1, %edi\n"
        "    movl $0x12345678, %eax\n"
        "    movl $0x9abcdef0, %edx\n"
        "    movl $7, %ecx\n"
        "    movl $0x0fedcba9, %ebx\n"
        "    movl $3, %ebp\n"
        "    pushl %eax\n"
        "    addl %edx, %eax\n"
        "    adcl %ebx, %edx\n"
        "    pushl %edx\n"
        "    mull %ebx\n"
        "    rcll %cl, %eax\n"
        "    pushl %eax\n"
        "    xorl %edx, %edx\n"
        "    divl %ecx\n"
        "    sbbl %ebp, %edx\n"
        "    shldl $5, %eax, %edx\n"
        "    pushl %edx\n"
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
        "    pushl %ebx\n"
        "    pushfl\n"
        "    pushal\n"
        "    movl %esp, %esi\n"
        "    addl $4 * 13, %esi\n"
        "    movl $computed + 4 * 13, %edi\n"
        "    movl $14, %ecx\n"
        "    rep movsl\n"
        "    cld\n"
        "    movl computing_caller, %esp\n"
        "    popal\n"
        "    ret\n"
        ".popsection\n");

static uint32_t word_of(uint32_t index)
{
    return computed[index];
}

static void judge(void)
{
    for (uint32_t index = 0; index < WORDS; index++) {
        CHECK_EQUAL(word_of(index), expected[index]);
        computed[index] = 0;
    }
}

static void compute(void)
{
    __asm__ volatile("call computing_code" : : : "eax", "ecx", "edx", "cc", "memory");
}

void check(void)
{
    compute();
    for (uint32_t index = 0; index < WORDS; index++)
        expected[index] = computed[index];
    CHECK(sweep(compute, judge) > 50);
}
