/* Writes its console input back, and ends when the input ends. It never asks in vain: an event says that bytes have come,
   another that no more will. */
#include "pv.h"

#define INPUT_PORT 1
#define END_PORT 2

static volatile int ended;
static uint32_t echoed;

static void on_input(uint32_t port, uint32_t times)
{
    (void)port;
    (void)times;
    char buffer[64];
    int32_t length;
    /* One event can stand for more bytes than the buffer holds. */
    while ((length = pv_console_read(buffer, sizeof buffer)) > 0) {
        pv_console_write(buffer, (uint32_t)length);
        echoed += (uint32_t)length;
    }
}

static void on_end(uint32_t port, uint32_t times)
{
    (void)port;
    (void)times;
    ended = 1;
}

int main(void)
{
    if (pv_event_bind_interrupt(PV_INTERRUPT_CONSOLE_INPUT, INPUT_PORT, on_input) != 0)
        return 1;
    if (pv_event_bind_interrupt(PV_INTERRUPT_CONSOLE_END, END_PORT, on_end) != 0)
        return 2;
    while (!ended)
        pv_block();
    char byte;
    if (pv_console_read(&byte, 1) != PV_ERROR_END_OF_INPUT)
        return 3;
    pv_print("End of input after ");
    pv_print_number(echoed, 1);
    pv_print(" bytes.\n");
    return 0;
}
