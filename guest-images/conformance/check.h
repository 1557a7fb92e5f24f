/* What every guest of the conformance kit shares: the verdict, the checks, and calls without the layer.
   A guest names its clause and itself with GUEST, and defines check(), which returns if all is well. Where the kit runs it in two
   partitions, the second one runs other(). */
#ifndef CHECK_H
#define CHECK_H

#include "pv.h"

#define GUEST(clause, name) const char check_label[] = #clause " " #name

extern const char check_label[];
void check(void);
/* What the second partition runs, in a system that has one; not every guest does anything there. */
void other(void) __attribute__((weak));

static inline void check_print_hexadecimal(uint32_t number)
{
    char text[9];
    uint32_t start = sizeof text;
    text[--start] = 'h';
    do {
        text[--start] = "0123456789abcdef"[number & 15];
        number >>= 4;
    } while (number != 0);
    pv_console_write(text + start, sizeof text - start);
}

static inline void check_say_failed(uint32_t line)
{
    pv_print("FAIL ");
    pv_print(check_label);
    pv_print(" line ");
    pv_print_number(line, 1);
    pv_print(": ");
}

static inline _Noreturn void check_failed(uint32_t line, const char *what)
{
    check_say_failed(line);
    pv_print(what);
    pv_print("\n");
    pv_shutdown(1);
}

static inline void check_equal(uint32_t line, const char *what, uint32_t actual, uint32_t expected)
{
    if (actual == expected)
        return;
    check_say_failed(line);
    pv_print(what);
    pv_print(" is ");
    check_print_hexadecimal(actual);
    pv_print(", not ");
    check_print_hexadecimal(expected);
    pv_print("\n");
    pv_shutdown(1);
}

/* Ends the guest with a line that says what is not so. */
#define CHECK(condition) ((condition) ? (void)0 : check_failed(__LINE__, "not so: " #condition))
#define CHECK_EQUAL(actual, expected) check_equal(__LINE__, #actual, (uint32_t)(actual), (uint32_t)(expected))

static inline volatile struct pv_shared_page *check_shared(void)
{
    return (volatile struct pv_shared_page *)(uintptr_t)pv_start_info->shared_page;
}

static inline uint32_t check_count(uint32_t port)
{
    return ((const volatile struct pv_count_page *)(uintptr_t)pv_start_info->count_page)->count[port];
}

static inline uint32_t check_address(const volatile void *pointer)
{
    return (uint32_t)(uintptr_t)pointer;
}

static inline uint32_t check_stub(uint32_t number)
{
    return pv_start_info->hypercall_page + PV_HYPERCALL_STUB_BYTES * number;
}

/* A call through the hypercall page, and the same through the gate. */
static inline int32_t call_by_page(uint32_t number, uint32_t first, uint32_t second, uint32_t third)
{
    uint32_t eax = check_stub(number);
    __asm__ volatile("call *%0" : "+a"(eax) : "b"(first), "c"(second), "d"(third) : "memory");
    return (int32_t)eax;
}

static inline int32_t call_by_gate(uint32_t number, uint32_t first, uint32_t second, uint32_t third)
{
    uint32_t eax = number;
    __asm__ volatile("int %1" : "+a"(eax) : "i"(PV_GATE), "b"(first), "c"(second), "d"(third) : "memory");
    return (int32_t)eax;
}

int main(void)
{
    if (pv_start_info->partition_id != 0) {
        if (other != 0)
            other();
        return 0;
    }
    check();
    pv_print("PASS ");
    pv_print(check_label);
    pv_print("\n");
    return 0;
}

#endif
