/* An error that the guest raises itself and that is propagated: an event for the guest, and an entry in the health log with its
   code, its words and its time, which can be dealt with. */
#include "system.h"

GUEST(H3, health_log);

#define PORT 13u

static volatile uint32_t events;

static void on_health(uint32_t port, uint32_t times)
{
    (void)port;
    events += times;
}

void check(void)
{
    static const char words[] = "the words";
    struct pv_health_entry entry;
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_HEALTH, PORT, on_health), 0);
    CHECK_EQUAL(call_by_page(PV_CALL_HEALTH_READ, 0, check_address(&entry), 0), PV_ERROR_NO_SUCH_OBJECT);
    pv_interrupts_enable();
    uint64_t before_ns = pv_now_ns();
    CHECK_EQUAL(call_by_page(PV_CALL_HEALTH_RAISE, 77, check_address(words), sizeof words - 1), 0);
    CHECK_EQUAL(events, 1);
    CHECK_EQUAL(call_by_page(PV_CALL_HEALTH_READ, 0, check_address(&entry), 0), 0);
    CHECK(entry.time_ns >= before_ns && entry.time_ns <= pv_now_ns());
    CHECK_EQUAL(entry.sequence, 0);
    CHECK_EQUAL(entry.partition, 0);
    CHECK_EQUAL(entry.event, PV_HEALTH_APPLICATION_ERROR);
    CHECK_EQUAL(entry.action, PV_ACTION_PROPAGATE);
    CHECK_EQUAL(entry.detail, 77);
    CHECK_EQUAL(entry.message_length, sizeof words - 1);
    for (uint32_t index = 0; index < sizeof words; index++)
        CHECK_EQUAL(entry.message[index], words[index]);
    CHECK_EQUAL(call_by_page(PV_CALL_HEALTH_ACKNOWLEDGE, 0, 0, 0), 1);
    CHECK_EQUAL(call_by_page(PV_CALL_HEALTH_ACKNOWLEDGE, 1, 0, 0), PV_ERROR_NO_SUCH_OBJECT);
    CHECK_EQUAL(call_by_page(PV_CALL_HEALTH_RAISE, 1, check_address(words), 65), PV_ERROR_INVALID_ARGUMENT);
}
