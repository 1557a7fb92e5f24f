/* An exception without a handler whose answer is a cold restart: everything is as at the first start, and start info says
   why. */
#include "system.h"

GUEST(H1, cold_restart);

#define PORT 7u

static uint32_t in_data = 5, in_bss;

static void on_event(uint32_t port, uint32_t times)
{
    (void)port, (void)times;
}

void check(void)
{
    volatile uint32_t *spare = system_spare_memory();
    CHECK_EQUAL(in_data, 5);
    CHECK_EQUAL(in_bss, 0);
    CHECK_EQUAL(*spare, 0);
    CHECK_EQUAL(check_count(PORT), 0);
    CHECK_EQUAL(check_shared()->mask, 1);
    CHECK_EQUAL(check_shared()->event_pending[0], 0);
    if (pv_start_info->restart_count == 0) {
        CHECK_EQUAL(pv_start_info->start_condition, PV_START_COLD);
        CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
        CHECK_EQUAL(pv_event_send(PORT), 0);
        in_data = in_bss = *spare = 9;
        __asm__ volatile("ud2" : : : "memory");
        check_failed(__LINE__, "the exception was ignored");
    }
    CHECK_EQUAL(pv_start_info->restart_count, 1);
    CHECK_EQUAL(pv_start_info->start_condition, PV_START_COLD_AFTER_HEALTH);
    /* The port is free again. */
    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    CHECK(pv_now_ns() != 0);
}
