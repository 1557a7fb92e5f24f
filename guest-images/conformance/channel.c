/* An event channel: what one end sends raises the port at the other end, counted and not lost while the receiver is away; only
   the configured ends can bind it. */
#include "system.h"

GUEST(E2, channel);

#define PORT 11u
#define SENT 5u

static volatile uint32_t events;

static void on_ring(uint32_t port, uint32_t times)
{
    (void)port;
    events += times;
}

void check(void)
{
    CHECK_EQUAL(system_bind_channel("no such channel", PORT), PV_ERROR_NO_SUCH_OBJECT);
    CHECK_EQUAL(pv_event_bind_self(PORT, on_ring), 0);
    CHECK_EQUAL(pv_event_unbind(PORT), 0);
    CHECK_EQUAL(system_bind_channel("ring", PORT), 0);
    CHECK_EQUAL(system_bind_channel("ring", PORT + 1), PV_ERROR_ALREADY_BOUND);
    /* This end receives. */
    CHECK_EQUAL(pv_event_send(PORT), PV_ERROR_WRONG_BINDING);
    pv_interrupts_enable();
    while (events == 0)
        pv_block();
    CHECK_EQUAL(events, SENT);
    CHECK_EQUAL(check_count(PORT), SENT);
    CHECK_EQUAL(system_wait_for_other(), 0);
}

void other(void)
{
    if (system_bind_channel("ring", PORT) != 0)
        pv_shutdown(1);
    for (uint32_t event = 0; event < SENT; event++)
        if (pv_event_send(PORT) != 0)
            pv_shutdown(2);
    if (check_count(PORT) != 0)
        pv_shutdown(3);
}
