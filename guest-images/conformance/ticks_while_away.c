/* Periods that pass while a partition is not scheduled: policy one counts each, lose counts one, and no event is lost or made
   up beyond that. */
#include "system.h"

GUEST(W4, ticks_while_away);

#define PORT 9u
#define PERIOD_NS (10 * MICROSECOND)

static volatile uint32_t ticks, calls;

static void on_tick(uint32_t port, uint32_t times)
{
    (void)port;
    calls++;
    ticks += times;
}

/* Ticks from the middle of one window to the same place in the next, with 12 periods away. */
static uint32_t ticks_in_a_frame(uint32_t policy)
{
    struct pv_window_info info;
    system_next_window();
    system_window(&info);
    CHECK_EQUAL(pv_timer_every(PERIOD_NS, policy), 0);
    uint32_t before = check_count(PORT);
    while (pv_now_ns() < info.window_start_ns + FRAME_NS + 5 * MICROSECOND)
        continue;
    pv_timer_cancel();
    return check_count(PORT) - before;
}

void check(void)
{
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_TIMER, PORT, on_tick), 0);
    pv_interrupts_enable();
    /* 20 periods, of which the first is not over when the last window began. */
    uint32_t one = ticks_in_a_frame(PV_TICK_ONE);
    CHECK_EQUAL(ticks, one);
    CHECK(one == 20 || one == 19);
    /* Seven while it runs, and one for the rest. */
    CHECK(calls <= 9);
    ticks = 0;
    uint32_t lose = ticks_in_a_frame(PV_TICK_LOSE);
    CHECK_EQUAL(ticks, lose);
    CHECK(lose == 8 || lose == 9);
}
