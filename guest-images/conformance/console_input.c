/* Console input: an event when it has come and one for its end; reading never waits, gives what there is and no more than
   fits, and says when no more will come. The kit gives the line "conformance". */
#include "check.h"

GUEST(K2, console_input);

#define INPUT_PORT 30u
#define END_PORT 31u

static const char line[] = "conformance\n";
static volatile uint32_t inputs, ends;

static void on_input(uint32_t port, uint32_t times)
{
    (void)port;
    inputs += times;
}

static void on_end(uint32_t port, uint32_t times)
{
    (void)port;
    ends += times;
}

void check(void)
{
    char text[32];
    uint32_t length = 0;
    pv_interrupts_disable();
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_CONSOLE_INPUT, INPUT_PORT, on_input), 0);
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_CONSOLE_END, END_PORT, on_end), 0);
    while (ends == 0)
        pv_block();
    CHECK_EQUAL(inputs, 1);
    CHECK_EQUAL(ends, 1);
    CHECK_EQUAL(pv_console_read(text, 0), 0);
    CHECK_EQUAL(pv_console_read(text, 0xffffffff), PV_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(pv_console_read((void *)(uintptr_t)0x10, 4), PV_ERROR_BAD_ADDRESS);
    /* What was refused has taken nothing. */
    CHECK_EQUAL(pv_console_read(text, 3), 3);
    text[3] = '*';
    CHECK_EQUAL(pv_console_read(text + 3, sizeof text - 3), sizeof line - 1 - 3);
    for (; length < sizeof line - 1; length++)
        CHECK_EQUAL(text[length], line[length]);
    CHECK_EQUAL(pv_console_read(text, sizeof text), PV_ERROR_END_OF_INPUT);
    CHECK_EQUAL(pv_console_read(text, 0), PV_ERROR_END_OF_INPUT);

    /* Who binds late is told at once. */
    CHECK_EQUAL(pv_event_unbind(END_PORT), 0);
    pv_interrupts_enable();
    CHECK_EQUAL(pv_event_bind_interrupt(PV_INTERRUPT_CONSOLE_END, END_PORT, on_end), 0);
    CHECK_EQUAL(ends, 2);
}
