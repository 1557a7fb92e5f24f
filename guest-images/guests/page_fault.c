/* Page faults that are put right. The handler learns the address from the shared page and the kind of access from the
   error code, moves the faulting pointer to memory that is there, and returns: the access then succeeds. */
#include "pv.h"

#define PAGE_FAULT 14
#define ERROR_PRESENT 1u
#define ERROR_WRITE 2u
#define ERROR_USER 4u

static uint32_t spare = 4711;
static const uint32_t constant = 17;
static uint32_t faults;
static uint32_t last_address;
static uint32_t last_error_code;

static void on_page_fault(struct pv_trap_frame *frame)
{
    faults++;
    last_address = pv_fault_address();
    last_error_code = frame->error_code;
    pv_print(frame->error_code & ERROR_WRITE ? "Fault at a write" : "Fault at a read");
    pv_print(frame->error_code & ERROR_PRESENT ? ", by its rights.\n" : ", nothing is mapped.\n");
    frame->esi = (uint32_t)&spare;
}

static uint32_t load(uint32_t address)
{
    uint32_t value;
    __asm__ volatile("movl (%1), %0" : "=a"(value), "+S"(address) : : "memory");
    return value;
}

static void store(uint32_t address, uint32_t value)
{
    __asm__ volatile("movl %1, (%0)" : "+S"(address) : "a"(value) : "memory");
}

int main(void)
{
    if (pv_trap_set(PAGE_FAULT, 0, on_page_fault) != 0)
        return 1;
    /* Page 0 is never mapped. */
    if (load(8) != 4711 || last_address != 8 || last_error_code != ERROR_USER)
        return 2;
    /* Constants lie in a segment that cannot be written. */
    store((uint32_t)&constant, 99);
    if (last_address != (uint32_t)&constant || last_error_code != (ERROR_PRESENT | ERROR_WRITE | ERROR_USER))
        return 3;
    if (spare != 99 || *(const volatile uint32_t *)&constant != 17 || faults != 2)
        return 4;
    pv_print("Both accesses went on.\n");
    return 0;
}
