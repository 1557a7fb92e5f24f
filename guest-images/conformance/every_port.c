/* There are 1,024 ports, each with its bits, its count and its place in the selector, and none is in another's way. */
#include "check.h"

GUEST(N7, every_port);

static uint8_t called[PV_EVENT_PORTS];
static volatile uint32_t strange;

static void on_event(uint32_t port, uint32_t times)
{
    called[port]++;
    strange += times != 1 + port % 3;
}

void check(void)
{
    volatile struct pv_shared_page *shared = check_shared();
    pv_interrupts_disable();
    for (uint32_t port = 0; port < PV_EVENT_PORTS; port++) {
        CHECK_EQUAL(pv_event_bind_self(port, on_event), 0);
        CHECK_EQUAL(shared->event_pending[port / 32] >> port % 32, 0);
        for (uint32_t event = 0; event <= port % 3; event++)
            CHECK_EQUAL(pv_event_send(port), 0);
        CHECK_EQUAL(shared->event_pending[port / 32] >> port % 32, 1);
        CHECK_EQUAL(shared->selector, 0xffffffff >> (31 - port / 32));
    }
    CHECK_EQUAL(shared->upcall_pending, 1);
    pv_interrupts_enable();
    CHECK_EQUAL(strange, 0);
    for (uint32_t port = 0; port < PV_EVENT_PORTS; port++) {
        CHECK_EQUAL(called[port], 1);
        CHECK_EQUAL(check_count(port), 1 + port % 3);
    }
}
