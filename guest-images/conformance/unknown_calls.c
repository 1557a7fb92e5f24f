/* A number that belongs to no call is an error, through a stub as through the gate. */
#include "check.h"

GUEST(C3, unknown_calls);

static const uint32_t numbers[] = {
    0xf0, 0xff, 0x100, 0x101, 0x1000, 0x10001, 0x7fffffff, 0x80000000, 0x80000001, 0xffffff01, 0xffffffff,
};

void check(void)
{
    for (uint32_t index = 0; index < sizeof numbers / sizeof *numbers; index++) {
        CHECK_EQUAL(call_by_gate(numbers[index], 0, 0, 0), PV_ERROR_NO_SUCH_CALL);
        if (numbers[index] < PV_HYPERCALL_PAGE_BYTES / PV_HYPERCALL_STUB_BYTES)
            CHECK_EQUAL(call_by_page(numbers[index], 0, 0, 0), PV_ERROR_NO_SUCH_CALL);
    }
    CHECK_EQUAL(call_by_gate(0, 0, 0, 0), PV_ERROR_NO_SUCH_CALL);
}
