/* Three tasks on one periodic timer, after the classic sample of RTEMS: each prints its name and the time of day when it
   is woken, TA1 every 5 seconds, TA2 every 10 and TA3 every 15, until 35 seconds have passed. Between two ticks the
   partition blocks, and virtual time jumps. */
#include "pv.h"

#define TIMER_PORT 3
#define TICK_NS 100000000u
#define TICKS_PER_SECOND 10u
#define LAST_SECOND 35u
#define START_OF_DAY_SECONDS (9u * 3600u)

struct task {
    const char *name;
    uint32_t period_seconds;
    uint32_t wake_second;
};

static struct task tasks[] = {{"TA1", 5, 0}, {"TA2", 10, 0}, {"TA3", 15, 0}};

static volatile uint32_t ticks;

static void on_tick(uint32_t port, uint32_t times)
{
    (void)port;
    ticks += times;
}

static void print_time_of_day(uint32_t second)
{
    uint32_t of_day = START_OF_DAY_SECONDS + second;
    pv_print_number(of_day / 3600, 2);
    pv_print(":");
    pv_print_number(of_day / 60 % 60, 2);
    pv_print(":");
    pv_print_number(of_day % 60, 2);
}

static void run_tasks(uint32_t second)
{
    for (struct task *task = tasks; task < tasks + sizeof tasks / sizeof tasks[0]; task++) {
        if (second < task->wake_second)
            continue;
        pv_print(task->name);
        pv_print(" - the time is ");
        print_time_of_day(second);
        pv_print("\n");
        task->wake_second = second + task->period_seconds;
    }
}

int main(void)
{
    pv_print("*** CLOCK TICK TEST ***\n");
    if (pv_event_bind_interrupt(PV_INTERRUPT_TIMER, TIMER_PORT, on_tick) != 0)
        return 1;
    if (pv_timer_every(TICK_NS, PV_TICK_ONE) != 0)
        return 2;
    uint32_t second = 0;
    while (second < LAST_SECOND) {
        run_tasks(second);
        /* A tick between the test and the wait would not be lost: block returns at once if one is pending. */
        while (ticks / TICKS_PER_SECOND == second)
            pv_block();
        second = ticks / TICKS_PER_SECOND;
    }
    pv_print("*** END OF TICKER TEST ***\n");
    return 0;
}
