/* A base belongs to the descriptor: loading null or another selector and then the old one brings it back, and an upcall in
   between, with a handler that loads others, does not lose it. Null cannot be used. */
#include "fault.h"

GUEST(G2, segment_reload);

#define PORT 4u

static uint32_t words[2] = {0x20, 0x21};

static void load_gs(uint32_t selector)
{
    __asm__ volatile("movl %0, %%gs" : : "r"(selector));
}

static uint32_t load_from_gs(uint32_t offset)
{
    uint32_t value;
    __asm__ volatile("movl %%gs:(%1), %0" : "=r"(value) : "r"(offset));
    return value;
}

static void on_event(uint32_t port, uint32_t times)
{
    (void)port, (void)times;
    load_gs(0);
    load_gs(PV_SELECTOR_GS);
}

void check(void)
{
    fault_expect(13);
    /* Flat until a base is set. */
    load_gs(PV_SELECTOR_GS);
    CHECK_EQUAL(load_from_gs(check_address(words)), 0x20);
    CHECK_EQUAL(pv_segment_set_base(PV_SEGMENT_GS, check_address(words)), PV_SELECTOR_GS);
    CHECK_EQUAL(load_from_gs(4), 0x21);
    load_gs(0);
    TRY("movl %%gs:(%[b]), %%eax", [b] "b"(0));
    CHECK_FAULT(13, 0);
    load_gs(PV_SELECTOR_GS);
    CHECK_EQUAL(load_from_gs(4), 0x21);
    load_gs(PV_SELECTOR_DATA);
    CHECK_EQUAL(load_from_gs(check_address(words)), 0x20);
    load_gs(PV_SELECTOR_GS);
    CHECK_EQUAL(load_from_gs(0), 0x20);
    /* FS may load the descriptor of GS. */
    uint32_t value;
    __asm__ volatile("movl %1, %%fs\n\tmovl %%fs:4, %0" : "=r"(value) : "r"(PV_SELECTOR_GS));
    CHECK_EQUAL(value, 0x21);

    CHECK_EQUAL(pv_event_bind_self(PORT, on_event), 0);
    pv_interrupts_enable();
    CHECK_EQUAL(pv_event_send(PORT), 0);
    CHECK_EQUAL(load_from_gs(4), 0x21);
}
