/* The trap table: all entries of a call are checked before the first takes effect, of two for a vector the later one
   counts, and address 0 takes a handler away. */
#include "check.h"

GUEST(X9, trap_table);

uint32_t table_stub, table_first, table_second;
void first_entry(void);
void second_entry(void);

__asm__(".pushsection .text\n"
        "first_entry:\n"
        "    incl table_first\n"
        "    jmp *table_stub\n"
        "second_entry:\n"
        "    incl table_second\n"
        "    jmp *table_stub\n"
        ".popsection\n");

static int32_t set(const struct pv_trap_entry *entries, uint32_t count)
{
    return call_by_page(PV_CALL_TRAP_SET_TABLE, check_address(entries), count, 0);
}

static int32_t raise(void)
{
    return call_by_page(PV_CALL_TRAP_RAISE, 0x21, 0, 0);
}

void check(void)
{
    uint32_t first = check_address(first_entry), second = check_address(second_entry);
    table_stub = check_stub(PV_CALL_IRET);
    struct pv_trap_entry entries[3] = {
        {.vector = 0x21, .selector = PV_SELECTOR_CODE, .address = first},
        {.vector = 0x21, .selector = PV_SELECTOR_CODE, .address = second},
        {.vector = 0x22, .selector = PV_SELECTOR_DATA, .address = first},
    };
    CHECK_EQUAL(set(entries, 3), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(raise(), PV_ERROR_NO_HANDLER);
    entries[2].selector = PV_SELECTOR_CODE;
    entries[2].address = check_address(entries);
    CHECK_EQUAL(set(entries, 3), PV_ERROR_BAD_ADDRESS);
    CHECK_EQUAL(raise(), PV_ERROR_NO_HANDLER);
    entries[2].address = first;
    entries[2].vector = PV_GATE;
    CHECK_EQUAL(set(entries, 3), PV_ERROR_INVALID_ARGUMENT);
    entries[2].vector = 0x22;
    entries[2].flags = 0x80;
    CHECK_EQUAL(set(entries, 3), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(raise(), PV_ERROR_NO_HANDLER);

    CHECK_EQUAL(set(entries, 2), 0);
    CHECK_EQUAL(raise(), 0);
    CHECK_EQUAL(table_first, 0);
    CHECK_EQUAL(table_second, 1);
    CHECK_EQUAL(set(entries, 1), 0);
    CHECK_EQUAL(raise(), 0);
    CHECK_EQUAL(table_first, 1);
    entries[0].address = 0;
    CHECK_EQUAL(set(entries, 1), 0);
    CHECK_EQUAL(raise(), PV_ERROR_NO_HANDLER);
    CHECK_EQUAL(set(entries, 0), 0);
}
