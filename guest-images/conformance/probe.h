/* Upcalls without the layer: the entry writes down the state that it finds, takes every event, and returns. */
#ifndef PROBE_H
#define PROBE_H

#include "check.h"

#define PROBE_PORT 5u
#define PROBE_TIMER_PORT 70u

/* The registers at the entry of an upcall, and the frame. */
struct probe_state {
    uint32_t edi, esi, ebp, not_esp, ebx, edx, ecx, eax;
    uint32_t flags;
    uint32_t eip, cs, eflags;
};

/* The last upcall: its state, the address of its frame, and the mask that it found; and how many there were. */
static volatile struct {
    uint32_t upcalls, frame, mask;
    uint32_t eip, cs, eflags, flags, ecx;
} probe;

/* Runs in each upcall, if it is set. */
static void (*probe_hook)(const struct probe_state *state);

uint32_t probe_iret_stub;
void probe_entry(void);
void probe_note(const struct probe_state *state);

__asm__(".pushsection .text.probe_entry, \"ax\"\n"
        ".globl probe_entry\n"
        ".type probe_entry, @function\n"
        "probe_entry:\n"
        "    pushfl\n"
        "    pushal\n"
        "    cld\n"
        "    pushl %esp\n"
        "    call probe_note\n"
        "    addl $4, %esp\n"
        "    popal\n"
        "    popfl\n"
        "    jmp *probe_iret_stub\n"
        ".size probe_entry, . - probe_entry\n"
        ".popsection\n");

/* Takes every event, as a handler does that wants none of them. */
static inline void probe_take_all(void)
{
    volatile struct pv_shared_page *shared = check_shared();
    shared->upcall_pending = 0;
    shared->selector = 0;
    for (uint32_t word = 0; word < PV_EVENT_PORTS / 32; word++)
        shared->event_pending[word] = 0;
}

void probe_note(const struct probe_state *state)
{
    probe.upcalls++;
    probe.frame = check_address(&state->eip);
    probe.mask = check_shared()->mask;
    probe.eip = state->eip;
    probe.cs = state->cs;
    probe.eflags = state->eflags;
    probe.flags = state->flags;
    probe.ecx = state->ecx;
    probe_take_all();
    if (probe_hook != 0)
        probe_hook(state);
}

/* Lets upcalls enter the probe; PROBE_PORT is one that the guest can send to. */
static inline void probe_begin(void)
{
    uint32_t count;
    probe_iret_stub = check_stub(PV_CALL_IRET);
    pv_interrupts_disable();
    CHECK_EQUAL(call_by_page(PV_CALL_UPCALL_SET_ENTRY, check_address(probe_entry), 0, 0), 0);
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_BIND_SELF, PROBE_PORT, check_address(&count), 0), 0);
}

/* Upcalls are disabled, and one is due as soon as they are not. */
static inline void probe_make_due(void)
{
    pv_interrupts_disable();
    probe.upcalls = 0;
    CHECK_EQUAL(call_by_page(PV_CALL_EVENT_SEND, PROBE_PORT, 0, 0), 0);
}

#endif
