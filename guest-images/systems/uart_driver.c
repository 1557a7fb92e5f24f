/* The driver of the system `irq`: owns the interrupt line `uart`. The line also interrupts while the driver has no window; what
   came meanwhile is told at the beginning of its next window, all at once and counted. */
#include "pv.h"

#define UART_LINE 4u
#define UART_PORT 5u
#define INTERRUPTS 20u

static volatile uint32_t interrupts;
static volatile uint32_t handler_calls;

static void on_interrupt(uint32_t port, uint32_t times)
{
    (void)port;
    interrupts += times;
    handler_calls++;
    /* The run is over long before 32 bits of nanoseconds are. */
    uint32_t now_us = (uint32_t)pv_now_ns() / 1000u;
    pv_print("at ");
    pv_print_number(now_us / 1000u, 1);
    pv_print(".");
    pv_print_number(now_us % 1000u, 3);
    pv_print(" ms: ");
    pv_print_number(times, 1);
    pv_print(times == 1 ? " interrupt\n" : " interrupts\n");
}

int main(void)
{
    if (pv_event_bind_line(UART_LINE, UART_PORT, on_interrupt) != 0)
        return 1;
    while (interrupts < INTERRUPTS)
        pv_block();
    pv_print_number(interrupts, 1);
    pv_print(" interrupts in ");
    pv_print_number(handler_calls, 1);
    pv_print(" calls of the handler; none is lost.\n");
    return interrupts == INTERRUPTS ? 0 : 2;
}
