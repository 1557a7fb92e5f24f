/* Events that are raised while they cannot be delivered wait, and none is lost: first with all upcalls disabled, then
   with the one port masked. */
#include "pv.h"

#define PORT 40

static uint32_t handled_events;
static uint32_t handler_calls;

static void on_event(uint32_t port, uint32_t times)
{
    (void)port;
    handler_calls++;
    handled_events += times;
}

static int is_pending(void)
{
    struct pv_event_status status;
    return pv_event_status(PORT, &status) == 0 && (status.state & PV_EVENT_PENDING) != 0;
}

static void report(const char *when)
{
    pv_print(when);
    pv_print_number(handled_events, 1);
    pv_print(" events handled in ");
    pv_print_number(handler_calls, 1);
    pv_print(" calls.\n");
}

int main(void)
{
    if (pv_event_bind_self(PORT, on_event) != 0)
        return 1;

    uint32_t level = pv_interrupts_disable();
    for (int event = 0; event < 5; event++)
        pv_event_send(PORT);
    report("Disabled: ");
    if (level != 0 || handled_events != 0 || !is_pending())
        return 2;
    pv_interrupts_enable();
    report("Enabled: ");
    if (handled_events != 5 || handler_calls != 1 || is_pending())
        return 3;

    pv_event_mask(PORT);
    for (int event = 0; event < 3; event++)
        pv_event_send(PORT);
    report("Port masked: ");
    if (handled_events != 5 || !is_pending())
        return 4;
    pv_event_unmask(PORT);
    report("Port unmasked: ");
    if (handled_events != 8 || handler_calls != 2)
        return 5;

    /* A level that was enabled comes back enabled, one that was disabled comes back disabled. */
    level = pv_interrupts_disable();
    uint32_t inner = pv_interrupts_disable();
    pv_event_send(PORT);
    pv_interrupts_restore(inner);
    if (level != PV_INTERRUPT_FLAG || inner != 0 || handled_events != 8)
        return 6;
    pv_interrupts_flash(level);
    report("Flashed: ");
    if (handled_events != 9 || pv_interrupts_level() != 0)
        return 7;
    pv_interrupts_restore(level);
    return pv_interrupts_level() == PV_INTERRUPT_FLAG ? 0 : 8;
}
