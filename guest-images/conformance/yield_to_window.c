/* `yield` gives up the rest of the window and returns at the start of the next one; an upcall brings it back earlier. */
#include "system.h"

GUEST(W5, yield_to_window);

#define PORT 9u

static volatile uint32_t ticks;

static void on_tick(uint32_t port, uint32_t times)
{
    (void)port;
    ticks += times;
}

void check(void)
{
    struct pv_window_info before, after;
    system_next_window();
    for (uint32_t round = 0; round < 3; round++) {
        system_window(&before);
        pv_yield();
        system_window(&after);
        CHECK_EQUAL(after.window_start_ns, before.window_start_ns + FRAME_NS);
        CHECK(after.now_ns < after.window_start_ns + MICROSECOND);
    }
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_TIMER, PORT, on_tick), 0);
    CHECK_EQUAL(pv_timer_at(after.window_start_ns + 40 * MICROSECOND), 0);
    pv_interrupts_enable();
    pv_yield();
    CHECK_EQUAL(ticks, 1);
    system_window(&before);
    CHECK_EQUAL(before.window_start_ns, after.window_start_ns);
    CHECK(before.now_ns >= after.window_start_ns + 40 * MICROSECOND);
}
