/* When a channel's event is seen is configured: at once or at the end of the sender's window, which is before the receiver's
   next window, or at the end of the major frame, which is after it. */
#include "system.h"

GUEST(E3, channel_flush);

static const char *const names[] = {"at once", "at window", "at frame"};

void check(void)
{
    for (uint32_t channel = 0; channel < 3; channel++)
        CHECK_EQUAL(system_bind_channel(names[channel], 1 + channel), 0);
    /* The other partition has bound its ends in the first frame. */
    system_next_window();
    for (uint32_t channel = 0; channel < 3; channel++)
        CHECK_EQUAL(pv_event_send(1 + channel), 0);
    /* What it saw in the second frame, and in the third. */
    CHECK_EQUAL(system_wait_for_other(), 0x34);
}

/* A bit for each channel whose event is there. */
static uint32_t seen(void)
{
    uint32_t bits = 0;
    for (uint32_t channel = 0; channel < 3; channel++)
        bits |= (check_count(1 + channel) == 1) << channel;
    return bits;
}

void other(void)
{
    for (uint32_t channel = 0; channel < 3; channel++)
        if (system_bind_channel(names[channel], 1 + channel) != 0)
            pv_shutdown(1);
    system_next_window();
    uint32_t second = seen();
    system_next_window();
    pv_shutdown(second << 4 | (seen() & ~second));
}
