/* A guest that polls takes the pending bit and then the count, and misses nothing; a bit that it set itself is no event. */
#include "check.h"

GUEST(N5, polling);

#define PORT 100u

static volatile uint32_t calls;

static void on_event(uint32_t port, uint32_t times)
{
    (void)port;
    (void)times;
    calls++;
}

void check(void)
{
    volatile struct pv_shared_page *shared = check_shared();
    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    CHECK_EQUAL(pv_event_mask(PORT), 0);
    pv_interrupts_enable();
    CHECK_EQUAL(pv_take(PORT), 0);
    CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(pv_take(PORT), 1);
    CHECK_EQUAL(pv_take(PORT), 0);
    CHECK_EQUAL(shared->event_pending[PORT / 32], 0);
    for (uint32_t event = 0; event < 7; event++)
        CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(shared->event_pending[PORT / 32], 1u << PORT % 32);
    CHECK_EQUAL(pv_take(PORT), 7);
    shared->event_pending[PORT / 32] = 1u << PORT % 32;
    CHECK_EQUAL(pv_take(PORT), 0);
    CHECK_EQUAL(check_count(PORT), 8);
    /* Nothing is left to be told. */
    CHECK_EQUAL(pv_event_unmask(PORT), 0);
    CHECK_EQUAL(calls, 0);
}
