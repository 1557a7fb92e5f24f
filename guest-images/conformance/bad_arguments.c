/* Arguments that no call accepts: each has its error, judged from the left, and nothing has happened. */
#include "check.h"

GUEST(C4, bad_arguments);

#define PORT 3u
#define UNMAPPED 0x40000000u

static uint32_t words[8];
static struct pv_trap_entry good = {.vector = 40, .selector = PV_SELECTOR_CODE};

static void refused(uint32_t number, uint32_t first, uint32_t second, uint32_t third, int32_t error, uint32_t line)
{
    check_equal(line, "the result", (uint32_t)call_by_page(number, first, second, third), (uint32_t)error);
}

#define REFUSED(number, first, second, third, error)                                                                   \
    refused(PV_CALL_##number, (uint32_t)(first), (uint32_t)(second), (uint32_t)(third), PV_ERROR_##error, __LINE__)

void check(void)
{
    uint32_t place = check_address(words), read_only = pv_start_info->count_page;
    REFUSED(EVENT_BIND_INTERRUPT, 99, PV_EVENT_PORTS, 1, INVALID_ARGUMENT);
    REFUSED(EVENT_BIND_INTERRUPT, PV_INTERRUPT_TIMER, PV_EVENT_PORTS, 1, NO_SUCH_PORT);
    REFUSED(EVENT_BIND_INTERRUPT, PV_INTERRUPT_TIMER, PORT, place + 1, MISALIGNED);
    REFUSED(EVENT_BIND_INTERRUPT, PV_INTERRUPT_TIMER, PORT, UNMAPPED, BAD_ADDRESS);
    REFUSED(EVENT_BIND_SELF, PORT, read_only, 0, BAD_ADDRESS);
    REFUSED(EVENT_BIND_SELF, 0xffffffff, place, 0, NO_SUCH_PORT);
    REFUSED(EVENT_UNBIND, PORT, 0, 0, NOT_BOUND);
    REFUSED(EVENT_MASK, PV_EVENT_PORTS, 0, 0, NO_SUCH_PORT);
    REFUSED(EVENT_UNMASK, PORT, 0, 0, NOT_BOUND);
    REFUSED(EVENT_STATUS, PORT, 0xfffffffc, 0, BAD_ADDRESS);
    REFUSED(UPCALL_SET_ENTRY, place, 0, 0, BAD_ADDRESS);
    REFUSED(UPCALL_SET_ENTRY, UNMAPPED, 0, 0, BAD_ADDRESS);
    REFUSED(TRAP_SET_TABLE, check_address(&good), PV_TRAP_ENTRIES_MAXIMUM + 1, 0, INVALID_ARGUMENT);
    REFUSED(TRAP_SET_TABLE, check_address(&good), 0xffffffff, 0, INVALID_ARGUMENT);
    REFUSED(TRAP_SET_TABLE, check_address(&good) + 2, 1, 0, MISALIGNED);
    REFUSED(TRAP_SET_TABLE, 0xfffffff8, 2, 0, BAD_ADDRESS);
    REFUSED(TRAP_RAISE, 256, 0, 0, INVALID_ARGUMENT);
    REFUSED(TRAP_RAISE, PV_GATE, 0, 0, INVALID_ARGUMENT);
    REFUSED(TRAP_RAISE, 6, 1, 0, INVALID_ARGUMENT);
    REFUSED(SEGMENT_SET_BASE, 2, 0, 0, INVALID_ARGUMENT);
    REFUSED(TIME_NOW, place + 2, 0, 0, MISALIGNED);
    REFUSED(TIME_NOW, pv_start_info->shared_page + 4096 - 4, 0, 0, BAD_ADDRESS);
    REFUSED(TIMER_SET_PERIODIC, 5000, 0, 4, INVALID_ARGUMENT);
    REFUSED(CONSOLE_WRITE, place, 0x80000000, 0, INVALID_ARGUMENT);
    REFUSED(CONSOLE_WRITE, 0xfffffff0, 0x20, 0, BAD_ADDRESS);
    REFUSED(CONSOLE_READ, read_only, 1, 0, BAD_ADDRESS);

    struct pv_event_status status;
    CHECK_EQUAL(pv_event_status(PORT, &status), 0);
    CHECK_EQUAL(status.binding, PV_BINDING_NONE);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_SELF, PORT, place, 0), 0);
    REFUSED(EVENT_BIND_SELF, PORT, place, 0, ALREADY_BOUND);
    REFUSED(EVENT_BIND_INTERRUPT, PV_INTERRUPT_TIMER, PORT, place, ALREADY_BOUND);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_INTERRUPT, PV_INTERRUPT_TIMER, PORT + 1, place), 0);
    REFUSED(EVENT_BIND_INTERRUPT, PV_INTERRUPT_TIMER, PORT + 2, place, ALREADY_BOUND);
    REFUSED(EVENT_SEND, PORT + 1, 0, 0, WRONG_BINDING);
}
