/* Load for benchmarks. The command line says which: `calls` makes hypercalls that do nothing, `events` raises an event for
   itself and handles it, `busy` computes. It never ends. */
#include "pv.h"

static volatile uint32_t handled;

static void on_event(uint32_t port, uint32_t times)
{
    (void)port;
    handled += times;
}

static int is(const char *word)
{
    const char *line = (const char *)pv_start_info->command_line;
    while (line != 0 && *word != 0 && *line == *word) {
        line++;
        word++;
    }
    return line != 0 && *word == 0;
}

int main(void)
{
    if (is("calls"))
        for (;;) {
            uint32_t eax = PV_CALL_INTERRUPTS_GET_LEVEL;
            __asm__ volatile("int %1" : "+a"(eax) : "i"(PV_GATE) : "memory");
        }
    if (is("events")) {
        if (pv_event_bind_self(1, on_event) != 0)
            return 1;
        pv_interrupts_enable();
        for (;;)
            pv_event_send(1);
    }
    for (;;)
        handled++;
}
