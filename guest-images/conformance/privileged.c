/* Privileged instructions are #GP(0) at themselves, and change nothing. */
#include "fault.h"

GUEST(X8, privileged);

static uint8_t table[8];

#define PRIVILEGED(...)                                                                                                \
    do {                                                                                                               \
        TRY(__VA_ARGS__);                                                                                              \
        CHECK_FAULT(13, 0);                                                                                            \
    } while (0)

void check(void)
{
    fault_expect(13);
    PRIVILEGED("hlt", );
    PRIVILEGED("cli", );
    PRIVILEGED("sti", );
    PRIVILEGED("inb $0x60, %%al", );
    PRIVILEGED("outb %%al, $0x80", );
    PRIVILEGED("inl (%%dx), %%eax", );
    PRIVILEGED("outl %%eax, (%%dx)", );
    PRIVILEGED("movl %%cr0, %%eax", );
    PRIVILEGED("movl %%eax, %%cr0", );
    PRIVILEGED("movl %%cr2, %%eax", );
    PRIVILEGED("movl %%cr3, %%eax", );
    PRIVILEGED("movl %%eax, %%cr3", );
    PRIVILEGED("movl %%cr4, %%eax", );
    PRIVILEGED("movl %%db0, %%eax", );
    PRIVILEGED("movl %%eax, %%db7", );
    PRIVILEGED("clts", );
    PRIVILEGED("lmsw %%ax", );
    PRIVILEGED("lgdt (%[b])", [b] "b"(table));
    PRIVILEGED("lidt (%[b])", [b] "b"(table));
    PRIVILEGED("lldt %%ax", );
    PRIVILEGED("ltr %%ax", );
    PRIVILEGED("invlpg (%[b])", [b] "b"(table));
    PRIVILEGED("invd", );
    PRIVILEGED("wbinvd", );
}
