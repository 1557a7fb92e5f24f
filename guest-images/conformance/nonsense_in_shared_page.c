/* The core trusts nothing in the shared page: whatever a guest writes there harms itself only, and once it writes sense again
   events go on as before. */
#include "check.h"

GUEST(S2, nonsense_in_shared_page);

#define PORT 500u

static volatile uint32_t events;

static void on_event(uint32_t port, uint32_t times)
{
    CHECK_EQUAL(port, PORT);
    events += times;
}

static void fill(uint32_t value)
{
    volatile uint32_t *words = (volatile uint32_t *)check_shared();
    for (uint32_t word = 1; word < 1024; word++)
        words[word] = value;
}

void check(void)
{
    static const uint32_t values[] = {0xffffffff, 0x80000001, 0};
    struct pv_event_status status;
    volatile struct pv_shared_page *shared = check_shared();
    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    for (uint32_t index = 0; index < 3; index++) {
        pv_interrupts_disable();
        fill(values[index]);
        CHECK_EQUAL(pv_event_status(PORT, &status), 0);
        CHECK_EQUAL(status.count, 2 * index);
        CHECK_EQUAL(pv_event_send(PORT), 0);
        CHECK_EQUAL(check_count(PORT), 2 * index + 1);
        CHECK_EQUAL(pv_event_mask(PORT), 0);
        CHECK_EQUAL(pv_event_unmask(PORT), 0);
        pv_interrupts_enable();
        CHECK_EQUAL(events, 2 * index + 1);
        pv_interrupts_disable();
        fill(0);
        CHECK_EQUAL(pv_event_send(PORT), 0);
        CHECK_EQUAL(shared->event_pending[PORT / 32], 1u << PORT % 32);
        pv_interrupts_enable();
        CHECK_EQUAL(events, 2 * index + 2);
    }
    /* Calls still know the time. */
    CHECK(pv_now_ns() != 0);
}
