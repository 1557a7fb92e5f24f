/* The kit's system of two partitions, both of which run the guest: what is in it, and the calls that ask about it. The README
   has the same as a table. */
#ifndef SYSTEM_H
#define SYSTEM_H

#include "check.h"

#define MICROSECOND 1000u
/* Plan 0: the subject, the other, and a gap. Plan 1 has a frame half as long. Plans 2 and 3 are like plan 0, and start a partition
   again: 2 the other, cold, and 3 the subject, warm. */
#define PLANS 4u
#define FRAME_NS (200 * MICROSECOND)
#define WINDOW_NS (80 * MICROSECOND)
#define OTHER_START_NS (80 * MICROSECOND)
#define SHORT_FRAME_NS (100 * MICROSECOND)

/* Of the subject; it fires three times from 100 us on, every 10 us. */
#define SUBJECT_LINE 5u
#define OTHER_LINE 6u

static inline void system_window(struct pv_window_info *info)
{
    CHECK_EQUAL(call_by_page(PV_CALL_WINDOW_INFO, check_address(info), 0, 0), 0);
}

/* Runs on until the next window of the partition has begun. */
static inline void system_next_window(void)
{
    struct pv_window_info info;
    system_window(&info);
    uint64_t start_ns = info.window_start_ns;
    while (info.window_start_ns == start_ns)
        system_window(&info);
}

static inline int32_t system_bind_channel(const char *name, uint32_t port)
{
    uint32_t eax = check_stub(PV_CALL_EVENT_BIND_CHANNEL), length = 0, count;
    while (name[length] != '\0')
        length++;
    __asm__ volatile("call *%0" : "+a"(eax) : "b"(name), "c"(length), "d"(port), "S"(&count) : "memory");
    return (int32_t)eax;
}

static inline void system_status(uint32_t partition, struct pv_partition_status *status)
{
    CHECK_EQUAL(call_by_page(PV_CALL_PARTITION_STATUS, partition, check_address(status), 0), 0);
}

/* Waits until the second partition has ended, and returns its code. */
static inline uint32_t system_wait_for_other(void)
{
    struct pv_partition_status status;
    do {
        pv_yield();
        system_status(1, &status);
    } while (status.state != PV_PARTITION_ENDED);
    return status.exit_code;
}

/* Memory that no segment covers and that the loader clears. */
static inline volatile uint32_t *system_spare_memory(void)
{
    return (volatile uint32_t *)(uintptr_t)(PV_RAM_BASE + 0x800000);
}

#endif
