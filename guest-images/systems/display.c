/* The display of the system `flight`, which also manages it: shows each attitude and what the navigation says, switches from
   the plan `climb` to the plan `cruise`, and tells when the navigation was started again. */
#include "flight.h"

#define FRAMES_OF_CLIMB 5u
#define CRUISE 1u

static void print_signed(int32_t number)
{
    pv_print(number < 0 ? "-" : "+");
    pv_print_number((uint32_t)(number < 0 ? -number : number), 2);
}

static void show_advice(uint32_t port)
{
    char text[ADVICE_BYTES];
    int32_t length;
    while ((length = pv_queuing_receive(port, text, sizeof text, 0)) > 0) {
        pv_print("         navigation: ");
        pv_console_write(text, (uint32_t)length);
        pv_print("\n");
    }
}

static void show_attitude(uint32_t frame, const struct attitude *attitude, const struct pv_sample_info *info)
{
    pv_print("frame ");
    pv_print_number(frame, 2);
    pv_print(" heading ");
    pv_print_number(attitude->heading, 3);
    pv_print(" roll ");
    print_signed(attitude->roll);
    pv_print(" pitch ");
    print_signed(attitude->pitch);
    pv_print(", ");
    uint32_t tenths = (uint32_t)info->age_ns / 100000;
    pv_print_number(tenths / 10, 1);
    pv_print(".");
    pv_print_number(tenths % 10, 1);
    pv_print(" ms old\n");
}

/* Returns how often the navigation was started again, and tells of a change. */
static uint32_t watch(uint32_t navigation, uint32_t restarts)
{
    struct pv_partition_status status;
    if (pv_partition_status(navigation, &status) != 0 || status.restart_count == restarts)
        return restarts;
    pv_print("         the health monitor started the navigation again\n");
    return status.restart_count;
}

int main(void)
{
    int32_t attitude_port = pv_port_open(ATTITUDE_CHANNEL, PV_DIRECTION_DESTINATION);
    int32_t advice_port = pv_port_open(ADVICE_CHANNEL, PV_DIRECTION_DESTINATION);
    int32_t navigation = pv_partition_find("nav");
    if (attitude_port < 0 || advice_port < 0 || navigation < 0)
        return 1;
    uint32_t restarts = 0;
    for (uint32_t frame = 1;; frame++, pv_yield()) {
        struct attitude attitude;
        struct pv_sample_info info;
        restarts = watch((uint32_t)navigation, restarts);
        show_advice((uint32_t)advice_port);
        if (pv_sampling_read((uint32_t)attitude_port, &attitude, sizeof attitude, &info) < 0)
            return 2;
        if (!info.valid)
            break;
        if (info.is_new)
            show_attitude(frame, &attitude, &info);
        if (frame == FRAMES_OF_CLIMB) {
            pv_print("         asks for the plan `cruise`\n");
            if (pv_plan_switch(CRUISE) != 0)
                return 3;
        }
    }
    pv_print("No attitude any more: the display ends.\n");
    return restarts == 1 ? 0 : 4;
}
