/* A plant: takes a reading each millisecond, tells the guard, and sets its watchdog again. In its first life it gets too hot, raises
   the alarm and hangs; the watchdog starts it again, warm. It stops when it is asked to. */
#include "guard.h"

#define TICK_PORT 1u
#define READING_PORT 2u
#define ALARM_PORT 3u
#define STOP_PORT 4u

#define TOO_HOT 94u

static volatile uint32_t stop;

static void on_tick(uint32_t port, uint32_t times)
{
    (void)port, (void)times;
}

static void on_stop(uint32_t port, uint32_t times)
{
    (void)port;
    stop = times;
}

static int bind_all(void)
{
    return pv_event_bind_interrupt(PV_INTERRUPT_TIMER, TICK_PORT, on_tick) == 0 &&
           pv_event_bind_interrupt(PV_INTERRUPT_SHUTDOWN_REQUEST, STOP_PORT, on_stop) == 0 &&
           pv_event_bind_channel(READING, READING_PORT, 0) == 0 && pv_event_bind_channel(ALARM, ALARM_PORT, 0) == 0;
}

int main(void)
{
    struct pv_memory_map_entry area;
    int is_first_life = pv_start_info->restart_count == 0;
    pv_print(is_first_life ? "The plant starts.\n" : "The plant starts again, warm.\n");
    if (!is_first_life && pv_start_info->start_condition != PV_START_WARM_AFTER_HEALTH)
        return 1;
    if (pv_shared_area_find(READINGS, &area) != 0 || area.rights != (PV_RIGHT_READ | PV_RIGHT_WRITE))
        return 2;
    if (!bind_all() || pv_timer_every(MILLISECOND, PV_TICK_ONE) != 0)
        return 3;
    volatile struct readings *readings = (volatile struct readings *)(uintptr_t)area.base;
    readings->count = 0;
    if (pv_partition_set_mode(PV_MODE_NORMAL) != 0)
        return 4;
    while (!stop) {
        /* Time enough for the frames in which the guard suspends it. */
        if (pv_watchdog_set(pv_now_ns() + 38 * MILLISECOND) != 0)
            return 5;
        readings->degrees = is_first_life ? 90 + readings->count : 60;
        readings->count++;
        pv_event_send(READING_PORT);
        if (readings->degrees >= TOO_HOT) {
            pv_print("Too hot: the plant hangs.\n");
            pv_event_send(ALARM_PORT);
            for (;;)
                continue;
        }
        pv_block();
    }
    pv_watchdog_set(0);
    pv_print("The plant stops, as it was asked to.\n");
    pv_halt();
}
