/* A granted I/O port can be used, by calls and by instructions, and has nothing behind it: it reads as ones. Any other is #GP(0).
   The other partition has 300h to 303h. */
#include "system.h"

GUEST(M4, granted_ports);

static volatile uint32_t faults, error_codes, next;

static void on_fault(struct pv_trap_frame *frame)
{
    faults++;
    error_codes |= frame->error_code;
    frame->eip = next;
}

static uint32_t read_byte(uint32_t port)
{
    uint32_t value = 0;
    __asm__ volatile("movl $1f, %1\n\tinb %%dx, %%al\n1:" : "+a"(value), "=m"(next) : "d"(port));
    return value;
}

static uint32_t read_word(uint32_t port)
{
    uint32_t value = 0;
    __asm__ volatile("movl $1f, %1\n\tinl %%dx, %%eax\n1:" : "+a"(value), "=m"(next) : "d"(port));
    return value;
}

void check(void)
{
    CHECK_EQUAL(pv_trap_set(13, 0, on_fault), 0);
    CHECK_EQUAL(read_byte(0x300), 0);
    CHECK_EQUAL(faults, 1);
    CHECK_EQUAL(error_codes, 0);
    CHECK_EQUAL(system_wait_for_other(), 0);
}

void other(void)
{
    pv_trap_set(13, 0, on_fault);
    uint32_t byte = read_byte(0x303), word = read_word(0x300);
    __asm__ volatile("outb %%al, %%dx" : : "a"(5), "d"(0x301));
    if (byte != 0xff || word != 0xffffffff || read_byte(0x301) != 0xff || faults != 0)
        pv_shutdown(1);
    uint32_t value = 0;
    if (call_by_page(PV_CALL_IO_READ, 0x300, 4, check_address(&value)) != 0 || value != 0xffffffff)
        pv_shutdown(4);
    if (call_by_page(PV_CALL_IO_WRITE, 0x302, 2, 5) != 0)
        pv_shutdown(5);
    if (call_by_page(PV_CALL_IO_READ, 0x303, 2, check_address(&value)) != PV_ERROR_NOT_PERMITTED)
        pv_shutdown(6);
    /* One byte of these four is not granted. */
    if (read_word(0x301) != 0 || faults != 1)
        pv_shutdown(2);
    if (read_byte(0x304) != 0 || faults != 2 || error_codes != 0)
        pv_shutdown(3);
}
