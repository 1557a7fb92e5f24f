/* A page fault without a handler whose answer is a warm restart: the image is as at the first start, memory outside it is kept,
   and start info says why. */
#include "system.h"

GUEST(H2, warm_restart);

static uint32_t in_data = 5, in_bss;

void check(void)
{
    volatile uint32_t *spare = system_spare_memory();
    CHECK_EQUAL(in_data, 5);
    CHECK_EQUAL(in_bss, 0);
    if (pv_start_info->restart_count == 0) {
        CHECK_EQUAL(*spare, 0);
        in_data = in_bss = *spare = 9;
        *(volatile uint32_t *)(uintptr_t)0x10 = 1;
        check_failed(__LINE__, "the page fault was ignored");
    }
    CHECK_EQUAL(pv_start_info->restart_count, 1);
    CHECK_EQUAL(pv_start_info->start_condition, PV_START_WARM_AFTER_HEALTH);
    CHECK_EQUAL(*spare, 9);
}
