/* The paravirtualization layer: calls through the hypercall page, and the two places where the host enters the guest,
   upcalls and traps. Deliberately not here: memory management, threads, drivers. */
#include "pv.h"

#define BITS 32u

int main(void);
_Noreturn void pv_begin(uint32_t magic, const struct pv_start_info *start_info);
void pv_dispatch_events(void);
void pv_dispatch_trap(struct pv_trap_frame *frame);

/* In pv_start.S. */
extern const char pv_upcall_entry[];
extern const char pv_trap_entries[];
#define TRAP_ENTRY_BYTES 16u

const struct pv_start_info *pv_start_info;
/* The stub that pv_start.S jumps to at the end of an upcall or a trap. */
uint32_t pv_iret_stub;

static volatile struct pv_shared_page *shared;
static const volatile struct pv_count_page *counts;
static uint32_t own_count[PV_EVENT_PORTS];
static pv_event_handler *event_handlers[PV_EVENT_PORTS];
static pv_trap_handler *trap_handlers[PV_TRAP_VECTORS];
static void (*after_events)(void);
/* Of ports without a handler: how many events the dispatcher took, and of which ports it was said. */
static uint32_t unhandled_events;
static uint32_t said_unhandled[PV_EVENT_PORTS / BITS];

static uint32_t stub(uint32_t number)
{
    return pv_start_info->hypercall_page + PV_HYPERCALL_STUB_BYTES * number;
}

/* EAX carries the stub's address in and the result out; every other register comes back as it was. */
static int32_t call(uint32_t number, uint32_t first, uint32_t second, uint32_t third)
{
    uint32_t eax = stub(number);
    __asm__ volatile("call *%0" : "+a"(eax) : "b"(first), "c"(second), "d"(third) : "memory");
    return (int32_t)eax;
}

static int32_t call_with_five(uint32_t number, const uint32_t arguments[5])
{
    uint32_t eax = stub(number);
    __asm__ volatile("call *%0"
                     : "+a"(eax)
                     : "b"(arguments[0]), "c"(arguments[1]), "d"(arguments[2]), "S"(arguments[3]), "D"(arguments[4])
                     : "memory");
    return (int32_t)eax;
}

static uint32_t address(const volatile void *pointer)
{
    return (uint32_t)(uintptr_t)pointer;
}

static uint32_t length_of(const char *text)
{
    uint32_t length = 0;
    while (text[length] != '\0')
        length++;
    return length;
}

void pv_begin(uint32_t magic, const struct pv_start_info *start_info)
{
    /* Without the magic number there is no hypercall page to complain with. */
    if (magic != PV_MAGIC || start_info->magic != PV_MAGIC)
        __builtin_trap();
    pv_start_info = start_info;
    shared = (volatile struct pv_shared_page *)(uintptr_t)start_info->shared_page;
    counts = (const volatile struct pv_count_page *)(uintptr_t)start_info->count_page;
    pv_iret_stub = stub(PV_CALL_IRET);
    if (call(PV_CALL_UPCALL_SET_ENTRY, address(pv_upcall_entry), 0, 0) != 0)
        pv_shutdown(122);
    pv_shutdown((uint32_t)main());
}

void pv_shutdown(uint32_t code)
{
    for (;;)
        call(PV_CALL_SHUTDOWN, code, 0, 0);
}

int32_t pv_console_write(const void *bytes, uint32_t length)
{
    return call(PV_CALL_CONSOLE_WRITE, address(bytes), length, 0);
}

int32_t pv_console_read(void *buffer, uint32_t length)
{
    return call(PV_CALL_CONSOLE_READ, address(buffer), length, 0);
}

void pv_print(const char *text)
{
    pv_console_write(text, length_of(text));
}

void pv_print_number(uint32_t number, uint32_t digits)
{
    char text[10];
    uint32_t start = sizeof text;
    do {
        text[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0 || (sizeof text - start < digits && start > 0));
    pv_console_write(text + start, sizeof text - start);
}

uint32_t pv_interrupts_level(void)
{
    return shared->mask == 0 ? PV_INTERRUPT_FLAG : 0;
}

/* An upcall between the load and the store changes nothing: it restores the mask that it found. */
uint32_t pv_interrupts_disable(void)
{
    uint32_t before = pv_interrupts_level();
    shared->mask = 1;
    __asm__ volatile("" : : : "memory");
    return before;
}

void pv_interrupts_enable(void)
{
    __asm__ volatile("" : : : "memory");
    shared->mask = 0;
}

void pv_interrupts_restore(uint32_t level)
{
    __asm__ volatile("" : : : "memory");
    shared->mask = (level & PV_INTERRUPT_FLAG) == 0;
}

/* What is pending is delivered after the first of the two stores. */
void pv_interrupts_flash(uint32_t level)
{
    uint32_t before = pv_interrupts_level();
    pv_interrupts_restore(level);
    pv_interrupts_restore(before);
}

static int32_t bind(int32_t result, uint32_t port, uint32_t first_count, pv_event_handler *handler)
{
    if (result == 0) {
        own_count[port] = first_count;
        event_handlers[port] = handler;
    }
    return result;
}

/* With upcalls disabled: the handler must be known before the first event comes. */
int32_t pv_event_bind_interrupt(uint32_t interrupt, uint32_t port, pv_event_handler *handler)
{
    uint32_t level = pv_interrupts_disable();
    uint32_t count = 0;
    int32_t result = call(PV_CALL_EVENT_BIND_INTERRUPT, interrupt, port, address(&count));
    result = bind(result, port, count, handler);
    pv_interrupts_restore(level);
    return result;
}

int32_t pv_event_bind_self(uint32_t port, pv_event_handler *handler)
{
    uint32_t level = pv_interrupts_disable();
    uint32_t count = 0;
    int32_t result = call(PV_CALL_EVENT_BIND_SELF, port, address(&count), 0);
    result = bind(result, port, count, handler);
    pv_interrupts_restore(level);
    return result;
}

int32_t pv_event_bind_port(uint32_t message_port, uint32_t port, pv_event_handler *handler)
{
    uint32_t level = pv_interrupts_disable();
    uint32_t count = 0;
    int32_t result = call(PV_CALL_EVENT_BIND_MESSAGE_PORT, message_port, port, address(&count));
    result = bind(result, port, count, handler);
    pv_interrupts_restore(level);
    return result;
}

int32_t pv_event_bind_channel(const char *name, uint32_t port, pv_event_handler *handler)
{
    uint32_t level = pv_interrupts_disable();
    uint32_t count = 0;
    uint32_t arguments[5] = { address(name), length_of(name), port, address(&count), 0 };
    int32_t result = bind(call_with_five(PV_CALL_EVENT_BIND_CHANNEL, arguments), port, count, handler);
    pv_interrupts_restore(level);
    return result;
}

int32_t pv_event_bind_vector(uint32_t port, uint32_t vector)
{
    return call(PV_CALL_EVENT_BIND_VECTOR, port, vector, 0);
}

int32_t pv_event_ack(uint32_t port)
{
    return call(PV_CALL_EVENT_ACK, port, 0, 0);
}

int32_t pv_event_set_priority(uint32_t port, uint32_t priority)
{
    return call(PV_CALL_EVENT_SET_PRIORITY, port, priority, 0);
}

int32_t pv_event_bind_line(uint32_t line, uint32_t port, pv_event_handler *handler)
{
    uint32_t level = pv_interrupts_disable();
    uint32_t count = 0;
    int32_t result = call(PV_CALL_EVENT_BIND_LINE, line, port, address(&count));
    result = bind(result, port, count, handler);
    pv_interrupts_restore(level);
    return result;
}

int32_t pv_event_unbind(uint32_t port)
{
    return call(PV_CALL_EVENT_UNBIND, port, 0, 0);
}

int32_t pv_event_mask(uint32_t port)
{
    return call(PV_CALL_EVENT_MASK, port, 0, 0);
}

int32_t pv_event_unmask(uint32_t port)
{
    return call(PV_CALL_EVENT_UNMASK, port, 0, 0);
}

int32_t pv_event_send(uint32_t port)
{
    return call(PV_CALL_EVENT_SEND, port, 0, 0);
}

int32_t pv_event_status(uint32_t port, struct pv_event_status *status)
{
    return call(PV_CALL_EVENT_STATUS, port, address(status), 0);
}

/* The bit goes first: an event after that sets it again and is found the next time, whatever the count said here. */
uint32_t pv_take(uint32_t port)
{
    volatile uint32_t *word = &shared->event_pending[port / BITS];
    __asm__ volatile("lock btrl %1, %0" : "+m"(*word) : "r"(port % BITS) : "cc", "memory");
    uint32_t count = counts->count[port];
    uint32_t times = count - own_count[port];
    own_count[port] = count;
    return times;
}

void pv_set_after_events(void (*function)(void))
{
    after_events = function;
}

uint32_t pv_unhandled_events(void)
{
    return unhandled_events;
}

/* Once for each port, so that a flood of its events is not one of lines. */
static void say_unhandled(uint32_t port, uint32_t times)
{
    unhandled_events += times;
    if (times == 0 || (said_unhandled[port / BITS] >> port % BITS & 1) != 0)
        return;
    said_unhandled[port / BITS] |= 1u << port % BITS;
    pv_print("pv: an event of port ");
    pv_print_number(port, 1);
    pv_print(" is dropped, for the port has no handler: bind it with one, or mask it\n");
}

static uint32_t lowest_bit(uint32_t word)
{
    return (uint32_t)__builtin_ctz(word);
}

/* Called by pv_start.S for each upcall, with upcalls disabled. */
void pv_dispatch_events(void)
{
    shared->upcall_pending = 0;
    uint32_t words = 0;
    __asm__ volatile("xchgl %0, %1" : "+r"(words), "+m"(shared->selector) : : "memory");
    for (; words != 0; words &= words - 1) {
        uint32_t index = lowest_bit(words);
        uint32_t ready;
        while ((ready = shared->event_pending[index] & ~shared->event_mask[index]) != 0) {
            uint32_t port = index * BITS + lowest_bit(ready);
            uint32_t times = pv_take(port);
            if (event_handlers[port] != 0)
                event_handlers[port](port, times);
            else
                say_unhandled(port, times);
        }
    }
    if (after_events != 0)
        after_events();
}

int32_t pv_trap_set(uint32_t vector, uint32_t flags, pv_trap_handler *handler)
{
    if (vector >= PV_TRAP_VECTORS)
        return PV_ERROR_INVALID_ARGUMENT;
    trap_handlers[vector] = handler;
    struct pv_trap_entry entry = {
        .vector = (uint8_t)vector,
        .flags = (uint8_t)flags,
        .selector = PV_SELECTOR_CODE,
        .address = handler == 0 ? 0 : address(pv_trap_entries) + vector * TRAP_ENTRY_BYTES,
    };
    return call(PV_CALL_TRAP_SET_TABLE, address(&entry), 1, 0);
}

int32_t pv_trap_raise(uint32_t vector, uint32_t error_code)
{
    return call(PV_CALL_TRAP_RAISE, vector, error_code, 0);
}

/* Called by pv_start.S for each trap. */
void pv_dispatch_trap(struct pv_trap_frame *frame)
{
    trap_handlers[frame->vector](frame);
}

uint32_t pv_fault_address(void)
{
    return shared->cr2;
}

uint64_t pv_now_ns(void)
{
    uint64_t now_ns;
    call(PV_CALL_TIME_NOW, address(&now_ns), 0, 0);
    return now_ns;
}

int32_t pv_timer_at(uint64_t deadline_ns)
{
    return call(PV_CALL_TIMER_SET_ONE_SHOT, (uint32_t)deadline_ns, (uint32_t)(deadline_ns >> 32), 0);
}

int32_t pv_timer_every(uint64_t period_ns, uint32_t policy)
{
    return call(PV_CALL_TIMER_SET_PERIODIC, (uint32_t)period_ns, (uint32_t)(period_ns >> 32), policy);
}

int32_t pv_timer_cancel(void)
{
    return call(PV_CALL_TIMER_CANCEL, 0, 0, 0);
}

void pv_block(void)
{
    call(PV_CALL_BLOCK, 0, 0, 0);
}

void pv_yield(void)
{
    call(PV_CALL_YIELD, 0, 0, 0);
}

int32_t pv_segment_set_base(uint32_t segment, uint32_t base)
{
    return call(PV_CALL_SEGMENT_SET_BASE, segment, base, 0);
}

int32_t pv_register_get(uint32_t number, uint32_t *value)
{
    return call(PV_CALL_REGISTER_GET, number, address(value), 0);
}

int32_t pv_register_set(uint32_t number, uint32_t value)
{
    return call(PV_CALL_REGISTER_SET, number, value, 0);
}

void pv_fpu_set_switched(uint32_t switched)
{
    call(PV_CALL_FPU_SET_SWITCHED, switched, 0, 0);
}

int32_t pv_port_open(const char *channel, uint32_t direction)
{
    return call(PV_CALL_MESSAGE_PORT_OPEN, address(channel), length_of(channel), direction);
}

int32_t pv_sampling_write(uint32_t message_port, const void *message, uint32_t length)
{
    return call(PV_CALL_SAMPLING_WRITE, message_port, address(message), length);
}

int32_t pv_sampling_read(uint32_t message_port, void *buffer, uint32_t length, struct pv_sample_info *info)
{
    const uint32_t arguments[5] = {message_port, address(buffer), length, address(info)};
    return call_with_five(PV_CALL_SAMPLING_READ, arguments);
}

int32_t pv_queuing_send(uint32_t message_port, const void *message, uint32_t length, uint64_t deadline_ns)
{
    const uint32_t low = (uint32_t)deadline_ns, high = (uint32_t)(deadline_ns >> 32);
    const uint32_t arguments[5] = {message_port, address(message), length, low, high};
    return call_with_five(PV_CALL_QUEUING_SEND, arguments);
}

int32_t pv_queuing_receive(uint32_t message_port, void *buffer, uint32_t length, uint64_t deadline_ns)
{
    const uint32_t low = (uint32_t)deadline_ns, high = (uint32_t)(deadline_ns >> 32);
    const uint32_t arguments[5] = {message_port, address(buffer), length, low, high};
    return call_with_five(PV_CALL_QUEUING_RECEIVE, arguments);
}

int32_t pv_port_status(uint32_t message_port, struct pv_message_port_status *status)
{
    return call(PV_CALL_MESSAGE_PORT_STATUS, message_port, address(status), 0);
}

int32_t pv_port_clear(uint32_t message_port)
{
    return call(PV_CALL_MESSAGE_PORT_CLEAR, message_port, 0, 0);
}

int32_t pv_port_set_priority(uint32_t message_port, uint32_t priority)
{
    return call(PV_CALL_MESSAGE_PORT_SET_PRIORITY, message_port, priority, 0);
}

int32_t pv_partition_find(const char *name)
{
    return call(PV_CALL_PARTITION_FIND, address(name), length_of(name), 0);
}

int32_t pv_partition_status(uint32_t partition, struct pv_partition_status *status)
{
    return call(PV_CALL_PARTITION_STATUS, partition, address(status), 0);
}

int32_t pv_plan_switch(uint32_t plan)
{
    return call(PV_CALL_PLAN_SWITCH, plan, 0, 0);
}

int32_t pv_partition_control(uint32_t partition, uint32_t action)
{
    return call(PV_CALL_PARTITION_CONTROL, partition, action, 0);
}

int32_t pv_partition_set_mode(uint32_t mode)
{
    return call(PV_CALL_PARTITION_SET_MODE, mode, 0, 0);
}

void pv_halt(void)
{
    call(PV_CALL_HALT, 0, 0, 0);
    __builtin_unreachable();
}

int32_t pv_health_raise(uint32_t code, const char *message)
{
    return call(PV_CALL_HEALTH_RAISE, code, address(message), length_of(message));
}

int32_t pv_health_read(uint32_t sequence, struct pv_health_entry *entry)
{
    return call(PV_CALL_HEALTH_READ, sequence, address(entry), 0);
}

int32_t pv_health_acknowledge(uint32_t sequence)
{
    return call(PV_CALL_HEALTH_ACKNOWLEDGE, sequence, 0, 0);
}

int32_t pv_shared_area_find(const char *name, struct pv_memory_map_entry *area)
{
    return call(PV_CALL_SHARED_AREA_FIND, address(name), length_of(name), address(area));
}

int32_t pv_poll(const struct pv_poll_entry *ports, uint32_t count, uint64_t deadline_ns)
{
    uint32_t arguments[5] = { address(ports), count, (uint32_t)deadline_ns, (uint32_t)(deadline_ns >> 32), 0 };
    return call_with_five(PV_CALL_POLL, arguments);
}

int32_t pv_watchdog_set(uint64_t deadline_ns)
{
    return call(PV_CALL_WATCHDOG_SET, (uint32_t)deadline_ns, (uint32_t)(deadline_ns >> 32), 0);
}

int32_t pv_window_info(struct pv_window_info *info)
{
    return call(PV_CALL_WINDOW_INFO, address(info), 0, 0);
}

void pv_trace_start(void)
{
    call(PV_CALL_TRACE_START, 0, 0, 0);
}

void pv_trace_stop(void)
{
    call(PV_CALL_TRACE_STOP, 0, 0, 0);
}

int32_t pv_memory_protect(void *pages, uint32_t length, uint32_t rights)
{
    return call(PV_CALL_MEMORY_PROTECT, address(pages), length, rights);
}

int32_t pv_memory_map(void *where, uint32_t length, const void *source, uint32_t rights)
{
    uint32_t eax = stub(PV_CALL_MEMORY_MAP);
    __asm__ volatile("call *%0"
                     : "+a"(eax)
                     : "b"(address(where)), "c"(length), "d"(address(source)), "S"(rights)
                     : "memory");
    return (int32_t)eax;
}

int32_t pv_memory_unmap(void *pages, uint32_t length)
{
    return call(PV_CALL_MEMORY_UNMAP, address(pages), length, 0);
}

int32_t pv_memory_query(const void *where, struct pv_memory_page *page)
{
    return call(PV_CALL_MEMORY_QUERY, address(where), address(page), 0);
}

int32_t pv_io_read(uint32_t port, uint32_t width, uint32_t *value)
{
    return call(PV_CALL_IO_READ, port, width, address(value));
}

int32_t pv_io_write(uint32_t port, uint32_t width, uint32_t value)
{
    return call(PV_CALL_IO_WRITE, port, width, value);
}

void pv_trace_mark(uint32_t id, uint32_t payload)
{
    call(PV_CALL_TRACE_MARK, id, payload, 0);
}
