/* The paravirtualization layer: what a guest asks of its host, as functions of C.
   Nothing here knows the hypercall gate or the address of a page; pv.c and pv_start.S do. A guest defines main(); what
   main() returns is its exit code. docs/ABI.md has the rules behind these functions. */
#ifndef PV_H
#define PV_H

#include "paravane.h"

/* What the host tells at the start: memory, clock rate, command line. Set before main() runs. */
extern const struct pv_start_info *pv_start_info;

/* ---- The end ---- */

/* Ends the partition. 0 means success. */
_Noreturn void pv_shutdown(uint32_t code);

/* ---- Console ---- */

/* Writes all bytes; returns their number or a negative error. */
int32_t pv_console_write(const void *bytes, uint32_t length);
/* Reads what waits; 0 if nothing does, PV_ERROR_END_OF_INPUT if nothing will any more. Never waits. */
int32_t pv_console_read(void *buffer, uint32_t length);
/* Writes a text that ends with a zero byte. */
void pv_print(const char *text);
/* Writes a number in decimal, with leading zeros up to so many digits (at most 10). */
void pv_print_number(uint32_t number, uint32_t digits);

/* ---- The virtual interrupt flag ----
   A level is PV_INTERRUPT_FLAG if upcalls were enabled, else 0. Levels nest: disable returns the one to restore.
   The flag belongs to a thread's context. */

uint32_t pv_interrupts_disable(void);
void pv_interrupts_enable(void);
uint32_t pv_interrupts_level(void);
void pv_interrupts_restore(uint32_t level);
/* Lets what is pending happen, then goes on as before: for long stretches with upcalls disabled. */
void pv_interrupts_flash(uint32_t level);

/* ---- Events ----
   Handlers run with upcalls disabled. `times` says how many events there were since the last time: 0 is possible, and
   more than 1 is one handler call for several events. An event of a port that has no handler and is not masked is
   dropped: the first one of each port is told on the console, and pv_unhandled_events counts them all. */

typedef void pv_event_handler(uint32_t port, uint32_t times);

/* Binds a port of the guest's choice to PV_INTERRUPT_... and sets its handler; 0 or a negative error. */
int32_t pv_event_bind_interrupt(uint32_t interrupt, uint32_t port, pv_event_handler *handler);
/* The same for a port that pv_event_send raises. */
int32_t pv_event_bind_self(uint32_t port, pv_event_handler *handler);
/* The same for a message port: a message can be seen, or a queue that was full has space again. */
int32_t pv_event_bind_port(uint32_t message_port, uint32_t port, pv_event_handler *handler);
/* The same for an interrupt line of the board that the configuration gives to the partition. */
int32_t pv_event_bind_line(uint32_t line, uint32_t port, pv_event_handler *handler);
/* The same for this partition's end of an event channel. The sender needs no handler: pv_event_send on the port rings. */
int32_t pv_event_bind_channel(const char *name, uint32_t port, pv_event_handler *handler);
/* Lets a port's events enter by a vector of the trap table instead of a handler; 0 takes that back. Each such event is
   acknowledged before the next one comes. Priorities are 0, the most urgent, to 15. */
int32_t pv_event_bind_vector(uint32_t port, uint32_t vector);
int32_t pv_event_ack(uint32_t port);
int32_t pv_event_set_priority(uint32_t port, uint32_t priority);
int32_t pv_event_unbind(uint32_t port);
int32_t pv_event_mask(uint32_t port);
int32_t pv_event_unmask(uint32_t port);
int32_t pv_event_send(uint32_t port);
int32_t pv_event_status(uint32_t port, struct pv_event_status *status);
/* Takes what is pending on a port and returns how many events that were. The handlers' dispatcher uses it; a guest
   that polls a masked port does so, too. */
uint32_t pv_take(uint32_t port);
/* How many events were dropped for want of a handler. */
uint32_t pv_unhandled_events(void);
/* Sets what runs at the end of an upcall, when all handlers have returned: the place to switch threads. */
void pv_set_after_events(void (*function)(void));

/* ---- Traps ---- */

/* The registers at a trap. A handler may change them; they hold when it has returned. */
struct pv_trap_frame {
    uint32_t edi, esi, ebp, not_esp, ebx, edx, ecx, eax;
    uint32_t vector;
    uint32_t error_code; /* 0 if the vector has none. */
    uint32_t eip, cs, eflags;
};

typedef void pv_trap_handler(struct pv_trap_frame *frame);

/* How many vectors, from 0, the layer has entries for. */
#define PV_TRAP_VECTORS 48u

/* Sets the handler of a vector below PV_TRAP_VECTORS, with bits of PV_TRAP_...; none removes it. 0 or a negative error. */
int32_t pv_trap_set(uint32_t vector, uint32_t flags, pv_trap_handler *handler);
/* Enters the handler of a vector as its exception would, with this error code if the vector has one; else it is 0. */
int32_t pv_trap_raise(uint32_t vector, uint32_t error_code);
/* The address of the last page fault. */
uint32_t pv_fault_address(void);

/* ---- Time ---- */

/* Virtual nanoseconds since the start. */
uint64_t pv_now_ns(void);
/* One event of PV_INTERRUPT_TIMER, at an instant. */
int32_t pv_timer_at(uint64_t deadline_ns);
/* An event of PV_INTERRUPT_TIMER for each period; policy is one of PV_TICK_... */
int32_t pv_timer_every(uint64_t period_ns, uint32_t policy);
int32_t pv_timer_cancel(void);

/* ---- The processor ---- */

/* Enables upcalls and waits until one has been handled: no event can slip in between. */
void pv_block(void);
void pv_yield(void);
/* Waits until one of the ports is pending, whatever masks it; returns the port, or a negative error when the instant has come. */
int32_t pv_poll(const struct pv_poll_entry *ports, uint32_t count, uint64_t deadline_ns);
/* The health monitor is told unless this is called again before the instant; 0 disarms. */
int32_t pv_watchdog_set(uint64_t deadline_ns);
int32_t pv_window_info(struct pv_window_info *info);
/* Sets the base of PV_SEGMENT_FS or PV_SEGMENT_GS, for data of a thread; returns the selector or a negative error. */
int32_t pv_segment_set_base(uint32_t segment, uint32_t base);

/* Reads or sets one of PV_REGISTER_..., the registers that the host keeps for the guest; 0 or a negative error. */
int32_t pv_register_get(uint32_t number, uint32_t *value);
int32_t pv_register_set(uint32_t number, uint32_t value);
/* For the lazy switch of the floating-point unit: while `switched` is not 0, its first use is trap 7. */
void pv_fpu_set_switched(uint32_t switched);

/* ---- Messages ----
   A message port is the partition's end of a channel: its number is what pv_port_open returns. */

/* A deadline that never comes; 0 is one that is not waited for. */
#define PV_NEVER UINT64_MAX

/* Opens the end PV_DIRECTION_... of the channel of this name; a number or a negative error. */
int32_t pv_port_open(const char *channel, uint32_t direction);
int32_t pv_sampling_write(uint32_t message_port, const void *message, uint32_t length);
/* Returns the length of the last message; the buffer holds the channel's longest. */
int32_t pv_sampling_read(uint32_t message_port, void *buffer, uint32_t length, struct pv_sample_info *info);
/* Waits for space until an instant. */
int32_t pv_queuing_send(uint32_t message_port, const void *message, uint32_t length, uint64_t deadline_ns);
/* Waits for a message until an instant; returns its length. The buffer holds the channel's longest. */
int32_t pv_queuing_receive(uint32_t message_port, void *buffer, uint32_t length, uint64_t deadline_ns);
int32_t pv_port_status(uint32_t message_port, struct pv_message_port_status *status);
/* Drops what could be received; returns how many messages that were. */
int32_t pv_port_clear(uint32_t message_port);
/* How urgent the messages are that are sent from now on: 0 to 255, 0 first. */
int32_t pv_port_set_priority(uint32_t message_port, uint32_t priority);

/* ---- Other partitions and plans ---- */

/* The number of the partition of this name, or a negative error. */
int32_t pv_partition_find(const char *name);
int32_t pv_partition_status(uint32_t partition, struct pv_partition_status *status);
/* Asks for another plan, by its place in the configuration. */
int32_t pv_plan_switch(uint32_t plan);
/* One of PV_CONTROL_... for another partition, one of PV_MODE_... for this one. */
int32_t pv_partition_control(uint32_t partition, uint32_t action);
int32_t pv_partition_set_mode(uint32_t mode);
/* Stops without an exit code. */
_Noreturn void pv_halt(void);

/* ---- Health ---- */

/* Tells the health monitor of an error; may not return. */
int32_t pv_health_raise(uint32_t code, const char *message);
int32_t pv_health_read(uint32_t sequence, struct pv_health_entry *entry);
/* Returns the number of the next entry that nobody has dealt with. */
int32_t pv_health_acknowledge(uint32_t sequence);

/* ---- Memory and ports ---- */

/* Change what may be done with pages of RAM (bits of PV_RIGHT_...), show them at a second place, take them away. Lengths are
   in bytes, and everything is a multiple of 4096; 0 or a negative error. */
int32_t pv_memory_protect(void *pages, uint32_t length, uint32_t rights);
int32_t pv_memory_map(void *where, uint32_t length, const void *source, uint32_t rights);
int32_t pv_memory_unmap(void *pages, uint32_t length);
int32_t pv_memory_query(const void *where, struct pv_memory_page *page);
/* Where a shared area lies, and what may be done with it. */
int32_t pv_shared_area_find(const char *name, struct pv_memory_map_entry *area);
/* I/O ports that the configuration grants; the width is 1, 2 or 4 bytes. */
int32_t pv_io_read(uint32_t port, uint32_t width, uint32_t *value);
int32_t pv_io_write(uint32_t port, uint32_t width, uint32_t value);

/* ---- Trace ---- */

/* Puts a line into the trace. */
void pv_trace_mark(uint32_t id, uint32_t payload);
/* The trace shows this partition's instructions, or leaves them out. */
void pv_trace_start(void);
void pv_trace_stop(void);

#endif
