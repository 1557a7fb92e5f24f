/* `console_write` takes any bytes and any length, also none, from anywhere; a range that is not the guest's is refused. */
#include "check.h"

GUEST(K1, console_output);

static char blanks[9000];

void check(void)
{
    static const char strange[] = "\0\x7f\xff\x1b[0m\r\n";
    CHECK_EQUAL(pv_console_write(0, 0), 0);
    CHECK_EQUAL(pv_console_write((const void *)(uintptr_t)0xffffffff, 0), 0);
    CHECK_EQUAL(pv_console_write(strange, sizeof strange - 1), sizeof strange - 1);
    for (uint32_t index = 0; index < sizeof blanks; index++)
        blanks[index] = index % 80 == 79 ? '\n' : ' ';
    CHECK_EQUAL(pv_console_write(blanks, sizeof blanks), sizeof blanks);
    CHECK_EQUAL(pv_console_write("\n", 1), 1);
    CHECK_EQUAL(pv_console_write((const void *)(uintptr_t)0xfff, 1), PV_ERROR_BAD_ADDRESS);
    CHECK_EQUAL(pv_console_write(blanks, 0x7fffffff), PV_ERROR_BAD_ADDRESS);
    CHECK_EQUAL(pv_console_write((const void *)(uintptr_t)0xfffffff0, 0x20), PV_ERROR_BAD_ADDRESS);
    CHECK_EQUAL(pv_console_write(blanks, 0x80000000), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(pv_console_write(blanks, 0xffffffff), PV_ERROR_INVALID_ARGUMENT);
}
