/* The navigation of the system `flight`: tells the display how fast the aircraft turns. It has an error on purpose: it
   divides by the number of samples since its last window, of which there is none when its windows come more often than samples. The
   health monitor starts it again, and from then on it looks first. */
#include "flight.h"

static char line[ADVICE_BYTES];
static uint32_t length;

static void add_text(const char *text)
{
    while (*text != '\0' && length < sizeof line)
        line[length++] = *text++;
}

static void add_number(uint32_t number)
{
    if (number >= 10)
        add_number(number / 10);
    if (length < sizeof line)
        line[length++] = (char)('0' + number % 10);
}

/* Without waiting: what finds no place is not said. */
static void say(uint32_t port)
{
    pv_queuing_send(port, line, length, 0);
    length = 0;
}

int main(void)
{
    int32_t attitude_port = pv_port_open(ATTITUDE_CHANNEL, PV_DIRECTION_DESTINATION);
    int32_t advice_port = pv_port_open(ADVICE_CHANNEL, PV_DIRECTION_SOURCE);
    if (attitude_port < 0 || advice_port < 0)
        return 1;
    int is_careful = pv_start_info->restart_count > 0;
    add_text(is_careful ? "started again, and careful now" : "ready");
    say((uint32_t)advice_port);

    uint32_t last_heading = 0, last_sequence = 0, last_rate = 0;
    for (;; pv_yield()) {
        struct attitude attitude;
        struct pv_sample_info info;
        if (pv_sampling_read((uint32_t)attitude_port, &attitude, sizeof attitude, &info) < 0)
            continue;
        if (!info.valid)
            break;
        volatile uint32_t samples = info.sequence - last_sequence;
        if (is_careful && samples == 0)
            continue;
        uint32_t turned = (attitude.heading + 360 - last_heading) % 360;
        uint32_t rate = turned / samples;
        if (last_sequence != 0 && rate != last_rate) {
            add_text("turning ");
            add_number(rate);
            add_text(" degrees a sample");
            say((uint32_t)advice_port);
            last_rate = rate;
        }
        last_heading = attitude.heading;
        last_sequence = info.sequence;
    }
    pv_print("No attitude any more: the navigation ends.\n");
    return 0;
}
