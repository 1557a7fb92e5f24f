/* Periodic ticks are due at exact multiples of the period and do not drift, whatever the guest does meanwhile. */
#include "check.h"

GUEST(T2, periodic);

#define PORT 1u
/* No multiple of the time of an instruction, so that rounding would add up. */
#define PERIOD_NS 100003u
#define TICKS 300u
#define LATE_NS 1500u

static uint64_t ticked_ns[TICKS + 1];
static volatile uint32_t calls;

static void on_tick(uint32_t port, uint32_t times)
{
    (void)port;
    CHECK_EQUAL(times, 1);
    if (calls < TICKS)
        ticked_ns[calls++] = pv_now_ns();
}

void check(void)
{
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_TIMER, PORT, on_tick), 0);
    uint64_t before_ns = pv_now_ns();
    CHECK_EQUAL(pv_timer_every(PERIOD_NS, PV_TICK_ONE), 0);
    uint64_t after_ns = pv_now_ns();
    pv_interrupts_enable();
    for (uint32_t number = 1; calls < TICKS; number++) {
        pv_interrupts_disable();
        for (uint32_t step = 0; step < number * 37 % 200 && calls < TICKS - 1; step++)
            __asm__ volatile("nop");
        pv_block();
    }
    CHECK_EQUAL(check_count(PORT), TICKS);
    for (uint32_t tick = 0; tick < TICKS; tick++) {
        uint64_t periods_ns = (uint64_t)(tick + 1) * PERIOD_NS;
        CHECK(ticked_ns[tick] >= before_ns + periods_ns);
        CHECK(ticked_ns[tick] < after_ns + periods_ns + PERIOD_NS / 2);
    }
    /* The last one was waited for with upcalls enabled. */
    CHECK(ticked_ns[TICKS - 1] < after_ns + (uint64_t)TICKS * PERIOD_NS + LATE_NS);
}
