/* Code that changes itself: a function that is patched before it is called, a loop that patches an instruction of its own
   in every round, and an instruction that the one right before it patches. Each change counts at once. */
#include "pv.h"

/* The linker script gives this section memory that can be written and executed. */
__asm__(".pushsection .modifiable, \"awx\", @progbits\n"
        ".type patched_function, @function\n"
        "patched_function:\n"
        "    movl $1, %eax\n"
        "    ret\n"
        ".size patched_function, . - patched_function\n"
        ".type patched_loop, @function\n"
        "patched_loop:\n"
        "    xorl %eax, %eax\n"
        "    movl $10, %ecx\n"
        "1:  .byte 0x05\n" /* addl $0, %eax */
        "2:  .long 0\n"
        "    incl 2b\n"
        "    loop 1b\n"
        "    ret\n"
        ".size patched_loop, . - patched_loop\n"
        ".type patched_next, @function\n"
        "patched_next:\n"
        "    movl $2, 1f\n"
        "    .byte 0xb8\n" /* movl $1, %eax */
        "1:  .long 1\n"
        "    ret\n"
        ".size patched_next, . - patched_next\n"
        ".popsection\n");
uint32_t patched_function(void);
uint32_t patched_loop(void);
uint32_t patched_next(void);

static void set_constant(uint32_t constant)
{
    /* Behind the one byte of MOV EAX, constant. */
    uint8_t *code = (uint8_t *)patched_function;
    __asm__ volatile("movl %1, 1(%0)" : : "r"(code), "r"(constant) : "memory");
}

static int check(const char *what, uint32_t is, uint32_t should_be)
{
    pv_print(what);
    pv_print_number(is, 1);
    pv_print("\n");
    return is == should_be;
}

int main(void)
{
    if (!check("Before the patch: ", patched_function(), 1))
        return 1;
    set_constant(1234);
    if (!check("After the patch: ", patched_function(), 1234))
        return 2;
    /* 0 + 1 + ... + 9: each round adds what the round before has written. */
    if (!check("A loop that patches itself: ", patched_loop(), 45))
        return 3;
    if (!check("The next instruction: ", patched_next(), 2))
        return 4;
    return 0;
}
