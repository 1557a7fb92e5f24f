/* A partition of the soak: counts in its handlers what it takes of a line, a channel, its timer and its windows, works between them,
   and sends to the next partition. The command line is the line's number, a blank, and the names of the channels: to send on and to
   receive on. The test reads `soak` at the end. */
#include "proof.h"

#define LINE_PORT 40u
#define CHANNEL_PORT 300u
#define TIMER_PORT 5u
#define WINDOW_PORT 1000u
#define SEND_PORT 6u
#define SELF_PORT 7u
#define PERIOD_NS 70000u

/* The test knows the places. */
struct soak {
    volatile uint32_t line;
    volatile uint32_t channel;
    volatile uint32_t timer;
    volatile uint32_t window;
    volatile uint32_t self;
    volatile uint32_t sent;
    volatile uint32_t sent_to_self;
    volatile uint32_t wrong;
    volatile uint32_t handler_calls;
};
struct soak soak;

static void on_event(uint32_t port, uint32_t times)
{
    soak.handler_calls++;
    if (port == LINE_PORT)
        soak.line += times;
    else if (port == CHANNEL_PORT)
        soak.channel += times;
    else if (port == TIMER_PORT)
        soak.timer += times;
    else if (port == WINDOW_PORT)
        soak.window += times;
    else if (port == SELF_PORT)
        soak.self += times;
    else
        soak.wrong++;
}

static uint32_t bind_channel(const char *name, uint32_t port)
{
    uint32_t count;
    return (uint32_t)proof_call(PV_CALL_EVENT_BIND_CHANNEL, (uint32_t)(uintptr_t)name, 2, port, (uint32_t)(uintptr_t)&count);
}

static uint32_t bind(const char *command)
{
    uint32_t line = 0, failed = 0;
    for (; *command != ' '; command++)
        line = line * 10 + (uint32_t)(*command - '0');
    failed |= (uint32_t)proof_bind_line(line, LINE_PORT, on_event);
    failed |= bind_channel(command + 1, SEND_PORT);
    failed |= (uint32_t)proof_set_handler(CHANNEL_PORT, on_event);
    failed |= bind_channel(command + 4, CHANNEL_PORT);
    failed |= (uint32_t)pv_event_bind_interrupt(PV_INTERRUPT_WINDOW_START, WINDOW_PORT, on_event);
    failed |= (uint32_t)pv_event_bind_interrupt(PV_INTERRUPT_TIMER, TIMER_PORT, on_event);
    failed |= (uint32_t)pv_event_bind_self(SELF_PORT, on_event);
    failed |= (uint32_t)pv_timer_every(PERIOD_NS, pv_start_info->partition_id % 4);
    return failed;
}

/* Work in registers, of no fixed length. */
static void work(uint32_t steps)
{
    for (; steps != 0; steps--)
        __asm__ volatile("" : "+r"(steps));
}

int main(void)
{
    if (bind((const char *)(uintptr_t)pv_start_info->command_line) != 0)
        return 1;
    pv_interrupts_enable();
    for (uint32_t round = 1;; round++) {
        work(500 + round % 97 * 16);
        uint32_t level = pv_interrupts_disable();
        work(round % 31);
        if (pv_event_send(SEND_PORT) == 0)
            soak.sent++;
        if (round % 3 == 0 && pv_event_send(SELF_PORT) == 0)
            soak.sent_to_self++;
        /* Some are taken without an upcall. */
        if (round % 5 == 0)
            soak.self += pv_take(SELF_PORT);
        if (round % 7 == 0)
            soak.line += pv_take(LINE_PORT);
        pv_interrupts_restore(level);
        if (round % 11 == 0)
            pv_event_mask(CHANNEL_PORT);
        else if (round % 11 == 3)
            pv_event_unmask(CHANNEL_PORT);
        if (round % 64 == 0)
            pv_block();
        if (round % 64 == 32)
            pv_yield();
    }
}
