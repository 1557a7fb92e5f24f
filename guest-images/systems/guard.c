/* A guard: its events enter by vectors, the alarm before the readings; it reads what the health monitor did, and it suspends, resumes
   and stops the plant. */
#include "guard.h"

#define READING_PORT 5u
#define ALARM_PORT 6u
#define READING_VECTOR 0x28u
#define ALARM_VECTOR 0x29u
#define MOST_URGENT 0u
#define LESS_URGENT 8u

static const volatile struct readings *readings;
static volatile uint32_t events, alarms;
static uint32_t plant;

static void on_reading(struct pv_trap_frame *frame)
{
    (void)frame;
    events += pv_take(READING_PORT);
    pv_event_ack(READING_PORT);
}

static void on_alarm(struct pv_trap_frame *frame)
{
    (void)frame;
    alarms += pv_take(ALARM_PORT);
    /* The readings that came with it still wait: they are less urgent. */
    pv_print("Alarm, before ");
    pv_print_number(events, 1);
    pv_print(" readings were looked at.\n");
    pv_event_ack(ALARM_PORT);
}

/* With upcalls disabled: what is polled is not taken. The alarm is not raised yet. */
static int poll_first_reading(void)
{
    const struct pv_poll_entry list[] = {{ALARM_PORT}, {READING_PORT}};
    if (pv_poll(list, 1, pv_now_ns() + MILLISECOND / 10) != PV_ERROR_TIMED_OUT)
        return 0;
    return pv_poll(list, 2, PV_NEVER) == (int32_t)READING_PORT && events == 0;
}

static int take_events_by_vectors(void)
{
    return pv_trap_set(READING_VECTOR, 0, on_reading) == 0 && pv_trap_set(ALARM_VECTOR, 0, on_alarm) == 0 &&
           pv_event_bind_vector(READING_PORT, READING_VECTOR) == 0 &&
           pv_event_bind_vector(ALARM_PORT, ALARM_VECTOR) == 0 &&
           pv_event_set_priority(READING_PORT, LESS_URGENT) == 0 &&
           pv_event_set_priority(ALARM_PORT, MOST_URGENT) == 0;
}

/* Tells of the entry that nobody has dealt with, and deals with it. */
static int report_health(void)
{
    struct pv_health_entry entry;
    if (pv_health_read(0, &entry) != 0)
        return 0;
    if (entry.partition != plant || entry.event != PV_HEALTH_WATCHDOG || entry.action != PV_ACTION_WARM_RESTART)
        return 0;
    pv_print("The watchdog of the plant bit at ");
    pv_print_number((uint32_t)entry.time_ns / MILLISECOND, 1);
    pv_print(" ms.\n");
    if (pv_health_acknowledge(0) != 1)
        return 0;
    return pv_health_raise(7, "the plant was started again") == 0 && pv_health_read(1, &entry) == 0 &&
           entry.event == PV_HEALTH_APPLICATION_ERROR && entry.detail == 7 && pv_health_acknowledge(1) == 2;
}

static uint32_t state_of_plant(void)
{
    struct pv_partition_status status;
    return pv_partition_status(plant, &status) == 0 ? status.state : ~0u;
}

/* A frame in which the plant does nothing, and one in which it does again. */
static int pause_plant(void)
{
    if (pv_partition_control(plant, PV_CONTROL_SUSPEND) != 0)
        return 0;
    pv_yield();
    uint32_t before = readings->count;
    pv_yield();
    if (readings->count != before || state_of_plant() != PV_PARTITION_SUSPENDED)
        return 0;
    pv_print("The plant pauses.\n");
    if (pv_partition_control(plant, PV_CONTROL_RESUME) != 0)
        return 0;
    while (readings->count == before)
        pv_yield();
    pv_print("The plant goes on.\n");
    return 1;
}

int main(void)
{
    struct pv_memory_map_entry area;
    struct pv_window_info info;
    int32_t found = pv_partition_find("plant");
    if (found < 0 || pv_shared_area_find(READINGS, &area) != 0 || area.rights != PV_RIGHT_READ)
        return 1;
    plant = (uint32_t)found;
    readings = (const volatile struct readings *)(uintptr_t)area.base;
    if (pv_window_info(&info) != 0 || info.frame_ns != 10 * MILLISECOND || info.plans != 1)
        return 2;
    if (pv_event_bind_channel(READING, READING_PORT, 0) != 0 || pv_event_bind_channel(ALARM, ALARM_PORT, 0) != 0)
        return 3;
    if (!poll_first_reading())
        return 4;
    if (!take_events_by_vectors())
        return 5;
    pv_interrupts_enable();
    while (alarms == 0)
        pv_block();
    /* Waiting is nothing that a reader of the trace wants to see. */
    pv_trace_stop();
    while (readings->degrees >= 90)
        pv_yield();
    pv_trace_start();
    if (!report_health())
        return 6;
    if (!pause_plant())
        return 7;
    if (pv_partition_control(plant, PV_CONTROL_REQUEST_SHUTDOWN) != 0)
        return 8;
    while (state_of_plant() != PV_PARTITION_HALTED)
        pv_yield();
    pv_print("All is quiet.\n");
    return pv_unhandled_events() == 0 ? 0 : 9;
}
