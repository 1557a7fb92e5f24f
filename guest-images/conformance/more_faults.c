/* #BR, #UD, #GP, #AC: each frame points at the instruction, RF set, with the error code where there is one. */
#include "fault.h"

GUEST(X1, more_faults);

static const int32_t bounds[2] = {-5, 5};
static uint32_t words[2];

static void faulted_with(uint32_t vector, uint32_t error_code)
{
    CHECK_FAULT(vector, error_code);
    CHECK_EQUAL(fault.eflags & 0x10000, 0x10000);
}

void check(void)
{
    static const uint32_t vectors[] = {5, 6, 13, 17};
    for (uint32_t index = 0; index < sizeof vectors / sizeof *vectors; index++)
        fault_expect(vectors[index]);
    TRY("boundl %[b], (%[c])", [b] "b"(5), [c] "c"(bounds));
    CHECK_EQUAL(fault.vector, NO_FAULT);
    TRY("boundl %[b], (%[c])", [b] "b"(6), [c] "c"(bounds));
    faulted_with(5, 0);
    TRY("boundl %[b], (%[c])", [b] "b"(-6), [c] "c"(bounds));
    faulted_with(5, 0);

    TRY("ud2", );
    faulted_with(6, 0);
    TRY(".byte 0xf0, 0x90", ); /* LOCK NOP */
    faulted_with(6, 0);

    TRY("movw %w[b], %%ds", [b] "b"(0x1b));
    faulted_with(13, 0x18);
    TRY("movw %w[b], %%es", [b] "b"(0x203));
    faulted_with(13, 0x200);
    TRY("movw %w[b], %%ss", [b] "b"(0));
    faulted_with(13, 0);

    /* AC in EFLAGS: only an unaligned access faults. */
    TRY("pushfl\n\torl $0x40000, (%%esp)\n\tpopfl\n\tmovl (%[b]), %%eax\n\tmovl %%eax, 4(%[b])", [b] "b"(words));
    CHECK_EQUAL(fault.vector, NO_FAULT);
    uint32_t at;
    __asm__ volatile("movl $1f, %[at]\n\tmovl $2f, %[next]\n\tpushfl\n\torl $0x40000, (%%esp)\n\tpopfl\n"
                     "1:\tmovl 1(%[words]), %%eax\n2:\tpushl $2\n\tpopfl"
                     : [at] "=&r"(at), [next] "=m"(try_next)
                     : [words] "b"(words)
                     : "eax", "cc", "memory");
    CHECK_EQUAL(fault.vector, 17);
    CHECK_EQUAL(fault.error_code, 0);
    CHECK_EQUAL(fault.eip, at);
}
