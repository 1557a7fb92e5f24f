/* The start of a window is an event: a partition that blocks for it runs at the start of each of its windows. */
#include "system.h"

GUEST(W2, window_start);

#define PORT 3u

static volatile uint32_t starts;

static void on_start(uint32_t port, uint32_t times)
{
    (void)port;
    starts += times;
}

void check(void)
{
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_WINDOW_START, PORT, on_start), 0);
    pv_interrupts_disable();
    for (uint32_t window = 1; window <= 4; window++) {
        pv_block();
        CHECK_EQUAL(starts, window);
        uint64_t now_ns = pv_now_ns();
        CHECK(now_ns >= (uint64_t)window * FRAME_NS);
        CHECK(now_ns < (uint64_t)window * FRAME_NS + 3 * MICROSECOND);
    }
}
