/* A port's count goes up with each event, pending or not, masked or not, and by nothing else; the guest can only read it. */
#include "fault.h"

GUEST(N3, counts);

#define PORT 1023u

static volatile uint32_t calls, events;

static void on_event(uint32_t port, uint32_t times)
{
    (void)port;
    calls++;
    events += times;
}

void check(void)
{
    struct pv_event_status status;
    uint32_t sent = 0;
    fault_expect(14);
    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    for (uint32_t round = 1; round <= 4; round++) {
        pv_interrupts_disable();
        for (uint32_t event = 0; event < round; event++)
            CHECK_EQUAL(pv_event_send(PORT), 0);
        sent += round;
        CHECK_EQUAL(check_count(PORT), sent);
        pv_interrupts_enable();
        CHECK_EQUAL(check_count(PORT), sent);
        CHECK_EQUAL(events, sent);
        CHECK_EQUAL(calls, round);
    }
    CHECK_EQUAL(pv_event_mask(PORT), 0);
    CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(check_count(PORT), sent + 1);
    CHECK_EQUAL(pv_event_unmask(PORT), 0);
    CHECK_EQUAL(pv_event_status(PORT, &status), 0);
    CHECK_EQUAL(status.count, sent + 1);
    CHECK_EQUAL(check_count(PORT - 1), 0);
    TRY("movl %%eax, (%[b])", [b] "b"(pv_start_info->count_page + 4 * PORT));
    CHECK_FAULT(14, 7);
    CHECK_EQUAL(check_count(PORT), sent + 1);
}
