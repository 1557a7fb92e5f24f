/* Where the configuration says so the core does privileged instructions in the guest's place, on the fake registers and the
   virtual interrupt flag, without a fault. The other partition has that policy, and UMIP. */
#include "system.h"

GUEST(R5, settled);

#define TIMER_PORT 3u

/* The second partition has no verdict; its exit code is the line that is wrong. */
#define MUST(condition) ((condition) ? (void)0 : pv_shutdown(__LINE__))

static volatile uint32_t faults, ticks;

static void on_fault(struct pv_trap_frame *frame)
{
    (void)frame;
    faults++;
    pv_shutdown(1000);
}

static void on_tick(uint32_t port, uint32_t times)
{
    (void)port;
    ticks += times;
}

static void check_interrupt_flag(void)
{
    volatile struct pv_shared_page *shared = check_shared();
    __asm__ volatile("sti" : : : "memory");
    MUST(shared->mask == 0);
    __asm__ volatile("cli" : : : "memory");
    MUST(shared->mask == 1);
    MUST(pv_event_bind_interrupt(PV_INTERRUPT_TIMER, TIMER_PORT, on_tick) == 0);
    uint64_t deadline_ns = pv_now_ns() + 20 * MICROSECOND;
    MUST(pv_timer_at(deadline_ns) == 0);
    /* HLT waits for an upcall and leaves the mask alone. */
    __asm__ volatile("hlt" : : : "memory");
    MUST(pv_now_ns() >= deadline_ns && ticks == 0 && shared->mask == 1);
    __asm__ volatile("sti\n\tnop\n\tnop" : : : "memory");
    MUST(ticks == 1);
}

static void check_registers(void)
{
    uint32_t value, table[2] = {0x12340037, 0x10};
    uint16_t status;
    __asm__ volatile("movl %0, %%cr3" : : "r"(0x00123000));
    __asm__ volatile("movl %%cr3, %0" : "=r"(value));
    MUST(value == 0x00123000 && check_shared()->cr3 == 0x00123000);
    __asm__ volatile("movl %%cr0, %0" : "=r"(value));
    MUST(value == 0x80050033);
    pv_fpu_set_switched(1);
    __asm__ volatile("smsw %0" : "=r"(status));
    MUST((status & 8) != 0);
    __asm__ volatile("clts\n\tmovl %%cr0, %0" : "=r"(value));
    MUST((value & 8) == 0);
    __asm__ volatile("lgdt %1\n\tmovl $0, %0\n\tsgdt %0" : "=m"(table[0]) : "m"(table[0]) : "memory");
    MUST((table[0] & 0xffff) == 0x37);
    __asm__ volatile("invd\n\twbinvd\n\tinvlpg (%0)" : : "r"(table) : "memory");
}

void check(void)
{
    CHECK_EQUAL(system_wait_for_other(), 0);
}

void other(void)
{
    pv_trap_set(13, 0, on_fault);
    check_registers();
    check_interrupt_flag();
}
