/* Whatever instruction stores the 0: the upcall comes before the next one. */
#include "probe.h"

GUEST(D1, store_enables);

static const uint32_t zero;
static const double floating_zero;

/* EDI points to the mask, which is 1 and enabled by `text`; EAX is 0, ECX 1, EDX -1, ESI points to a 0. */
#define ENABLED_BY(text)                                                                                               \
    do {                                                                                                               \
        uint32_t next, eax = 0, ecx = 1, edx = 0xffffffff, esi = check_address(&zero), edi;                            \
        probe_make_due();                                                                                              \
        edi = check_address(&check_shared()->mask);                                                                    \
        __asm__ volatile("movl $77f, %[next]\n\tcmpl %[ecx], %[eax]\n\t" text "\n77:\tnop"                             \
                         : [next] "=m"(next), [eax] "+a"(eax), [ecx] "+c"(ecx), "+d"(edx), "+S"(esi), "+D"(edi)        \
                         : [floating] "m"(floating_zero)                                                               \
                         : "cc", "memory");                                                                            \
        CHECK_EQUAL(probe.upcalls, 1);                                                                                 \
        CHECK_EQUAL(probe.eip, next);                                                                                  \
        CHECK_EQUAL(check_shared()->mask, 0);                                                                          \
    } while (0)

void check(void)
{
    probe_begin();
    ENABLED_BY("movl $0, (%%edi)");
    ENABLED_BY("movl %%eax, (%%edi)");
    ENABLED_BY("movb %%al, (%%edi)");
    ENABLED_BY("movw $0, (%%edi)");
    ENABLED_BY("andl %%eax, (%%edi)");
    ENABLED_BY("xorl %%ecx, (%%edi)");
    ENABLED_BY("subl %%ecx, (%%edi)");
    ENABLED_BY("addl %%edx, (%%edi)");
    ENABLED_BY("decl (%%edi)");
    ENABLED_BY("shrl $1, (%%edi)");
    ENABLED_BY("xchgl %%eax, (%%edi)");
    ENABLED_BY("xaddl %%edx, (%%edi)");
    ENABLED_BY("btrl $0, (%%edi)");
    ENABLED_BY("lock btrl $0, (%%edi)");
    ENABLED_BY("lock andb $0, (%%edi)");
    ENABLED_BY("sete (%%edi)");
    ENABLED_BY("stosl");
    ENABLED_BY("movsl");
    ENABLED_BY("movsb");
    ENABLED_BY("rep stosl");
    ENABLED_BY("rep movsl");
    ENABLED_BY("pushl $0\n\tpopl (%%edi)");
    ENABLED_BY("xchgl %%eax, %%ecx\n\tlock cmpxchgl %%ecx, (%%edi)");
    ENABLED_BY("fldz\n\tfistpl (%%edi)");
    ENABLED_BY("fldl %[floating]\n\tfstps (%%edi)");
    /* Outside the mask word: what was pending becomes wanted. */
    check_shared()->mask = 0;
    probe.upcalls = 0;
    check_shared()->upcall_pending = 1;
    CHECK_EQUAL(probe.upcalls, 1);
}
