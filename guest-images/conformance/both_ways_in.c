/* The hypercall page and INT 82h are two ways to the same call. */
#include "check.h"

GUEST(C2, both_ways_in);

static struct {
    uint32_t number, first, second, third;
    int32_t result;
} calls[] = {
    {PV_CALL_INTERRUPTS_GET_LEVEL, 0, 0, 0, 0},
    {PV_CALL_INTERRUPTS_SET_LEVEL, 0, 0, 0, 0},
    {PV_CALL_INTERRUPTS_FLASH, 0, 0, 0, 0},
    {PV_CALL_EVENT_UNBIND, 9, 0, 0, PV_ERROR_NOT_BOUND},
    {PV_CALL_EVENT_SEND, PV_EVENT_PORTS, 0, 0, PV_ERROR_NO_SUCH_PORT},
    {PV_CALL_EVENT_STATUS, 9, 2, 0, PV_ERROR_MISALIGNED},
    {PV_CALL_EVENT_STATUS, 9, 8, 0, PV_ERROR_BAD_ADDRESS},
    {PV_CALL_TRAP_RAISE, 40, 0, 0, PV_ERROR_NO_HANDLER},
    {PV_CALL_TIMER_CANCEL, 0, 0, 0, 0},
    {PV_CALL_TIMER_SET_ONE_SHOT, 5, 5, 0, PV_ERROR_NOT_BOUND},
    {PV_CALL_YIELD, 0, 0, 0, 0},
    {PV_CALL_CONSOLE_WRITE, 0, 0, 0, 0},
    {PV_CALL_SEGMENT_SET_BASE, PV_SEGMENT_GS, 0, 0, PV_SELECTOR_GS},
    {PV_CALL_TRACE_STOP, 0, 0, 0, 0},
    {PV_CALL_TRACE_MARK, 1, 2, 0, 0},
    {PV_CALL_TRACE_START, 0, 0, 0, 0},
};

void check(void)
{
    for (uint32_t index = 0; index < sizeof calls / sizeof *calls; index++) {
        uint32_t number = calls[index].number;
        uint32_t first = calls[index].first, second = calls[index].second, third = calls[index].third;
        CHECK_EQUAL(call_by_page(number, first, second, third), calls[index].result);
        CHECK_EQUAL(call_by_gate(number, first, second, third), calls[index].result);
    }
    uint32_t count = 99;
    CHECK_EQUAL(call_by_gate(PV_CALL_EVENT_BIND_SELF, 9, check_address(&count), 0), 0);
    CHECK_EQUAL(count, 0);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_SEND, 9, 0, 0), 0);
    CHECK_EQUAL(call_by_gate(PV_CALL_EVENT_SEND, 9, 0, 0), 0);
    CHECK_EQUAL(check_count(9), 2);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_UNBIND, 9, 0, 0), 0);
    CHECK_EQUAL(call_by_gate(PV_CALL_EVENT_UNBIND, 9, 0, 0), PV_ERROR_NOT_BOUND);
}
