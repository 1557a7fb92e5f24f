/* Levels: saved, restored, nested; of a level only bit 200h counts, and it is set if, and only if, upcalls were enabled. */
#include "check.h"

GUEST(V2, levels_nest);

#define PORT 12u

static volatile uint32_t handled;

static void on_event(uint32_t port, uint32_t times)
{
    (void)port;
    handled += times;
}

static uint32_t set_level(uint32_t level)
{
    return (uint32_t)call_by_page(PV_CALL_INTERRUPTS_SET_LEVEL, level, 0, 0);
}

void check(void)
{
    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    pv_interrupts_enable();
    uint32_t outer = pv_interrupts_disable();
    uint32_t middle = pv_interrupts_disable();
    uint32_t inner = pv_interrupts_disable();
    CHECK_EQUAL(outer, PV_INTERRUPT_FLAG);
    CHECK_EQUAL(middle | inner, 0);
    CHECK_EQUAL(pv_event_send(PORT), 0);
    pv_interrupts_restore(inner);
    pv_interrupts_restore(middle);
    CHECK_EQUAL(pv_interrupts_level(), 0);
    CHECK_EQUAL(handled, 0);
    pv_interrupts_restore(outer);
    CHECK_EQUAL(handled, 1);
    CHECK_EQUAL(pv_interrupts_level(), PV_INTERRUPT_FLAG);
    pv_interrupts_restore(~PV_INTERRUPT_FLAG);
    CHECK_EQUAL(pv_interrupts_level(), 0);
    pv_interrupts_restore(0xffffffff);
    CHECK_EQUAL(pv_interrupts_level(), PV_INTERRUPT_FLAG);

    CHECK_EQUAL(set_level(~PV_INTERRUPT_FLAG), PV_INTERRUPT_FLAG);
    CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(set_level(0), 0);
    CHECK_EQUAL(set_level(1), 0);
    CHECK_EQUAL(handled, 1);
    CHECK_EQUAL(set_level(0xffffffff), 0);
    CHECK_EQUAL(handled, 2);
    CHECK_EQUAL(set_level(PV_INTERRUPT_FLAG), PV_INTERRUPT_FLAG);
    CHECK_EQUAL(set_level(0), PV_INTERRUPT_FLAG);
}
