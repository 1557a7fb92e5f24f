/* `trap_raise` enters the guest's own handler as the exception would: the EIP after the call, an error code for the vectors
   that have one, also for those that nothing else can cause here; and 0 in EAX afterwards. */
#include "check.h"

GUEST(X7, trap_raise);

uint32_t raised_esp, raised_words[4];
uint32_t raise_stub;
void raised_entry(void);

/* Copies the four lowest words of the frame, and returns: over the error code if ECX says so. */
__asm__(".pushsection .text\n"
        "raised_entry:\n"
        "    pushl %eax\n"
        "    movl 4(%esp), %eax\n"
        "    movl %eax, raised_words\n"
        "    movl 8(%esp), %eax\n"
        "    movl %eax, raised_words + 4\n"
        "    movl 12(%esp), %eax\n"
        "    movl %eax, raised_words + 8\n"
        "    movl 16(%esp), %eax\n"
        "    movl %eax, raised_words + 12\n"
        "    popl %eax\n"
        "    movl %esp, raised_esp\n"
        "    jecxz 1f\n"
        "    addl $4, %esp\n"
        "1:  jmp *raise_stub\n"
        ".popsection\n");

static void check_vector(uint32_t vector, uint32_t error_code)
{
    struct pv_trap_entry entry = {
        .vector = (uint8_t)vector, .selector = PV_SELECTOR_CODE, .address = check_address(raised_entry)};
    uint32_t has_error_code = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
    uint32_t eax = PV_CALL_TRAP_RAISE, esp, eip;
    CHECK_EQUAL(call_by_page(PV_CALL_TRAP_RAISE, vector, error_code, 0), PV_ERROR_NO_HANDLER);
    CHECK_EQUAL(call_by_page(PV_CALL_TRAP_SET_TABLE, check_address(&entry), 1, 0), 0);
    __asm__ volatile("movl $1f, %[eip]\n\tmovl %%esp, %[esp]\n\tint $0x82\n1:"
                     : "+a"(eax), [esp] "=&S"(esp), [eip] "=&D"(eip)
                     : "b"(vector), "c"(error_code)
                     : "memory");
    CHECK_EQUAL(eax, 0);
    CHECK_EQUAL(raised_esp, esp - (has_error_code ? 16 : 12));
    if (has_error_code)
        CHECK_EQUAL(raised_words[0], error_code);
    CHECK_EQUAL(raised_words[has_error_code], eip);
    CHECK_EQUAL(raised_words[has_error_code + 1], PV_SELECTOR_CODE);
    CHECK_EQUAL(raised_words[has_error_code + 2] & 0x10000, 0);
}

void check(void)
{
    raise_stub = check_stub(PV_CALL_IRET);
    for (uint32_t vector = 0; vector < 20; vector++) {
        uint32_t has_error_code = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
        check_vector(vector, has_error_code ? 0x1234 : 0);
    }
    check_vector(255, 0);
}
