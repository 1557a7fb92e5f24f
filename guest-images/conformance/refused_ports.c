/* Ports that the configuration does not grant are refused, to calls and to instructions. */
#include "fault.h"

GUEST(M3, refused_ports);

static uint32_t value;

static void refused(uint32_t port, uint32_t width)
{
    value = 0x5555;
    CHECK_EQUAL(call_by_page(PV_CALL_IO_READ, port, width, check_address(&value)), PV_ERROR_NOT_PERMITTED);
    CHECK_EQUAL(value, 0x5555);
    CHECK_EQUAL(call_by_page(PV_CALL_IO_WRITE, port, width, 0), PV_ERROR_NOT_PERMITTED);
}

void check(void)
{
    fault_expect(13);
    refused(0x80, 1);
    refused(0x3f8, 2);
    refused(0xfffc, 4);
    CHECK_EQUAL(call_by_page(PV_CALL_IO_READ, 0x10000, 1, check_address(&value)), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(call_by_page(PV_CALL_IO_WRITE, 0x80, 3, 0), PV_ERROR_INVALID_ARGUMENT);
    TRY("inb $0x80, %%al", );
    CHECK_FAULT(13, 0);
    TRY("outl %%eax, (%%dx)", );
    CHECK_FAULT(13, 0);
    TRY("insb", "D"(&value));
    CHECK_FAULT(13, 0);
    TRY("rep outsl", "S"(&value), "c"(2));
    CHECK_FAULT(13, 0);
}
