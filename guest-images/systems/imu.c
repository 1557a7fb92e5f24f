/* The inertial unit of the system `flight`: samples the attitude in each of its windows and writes it for whoever reads. It
   ends after a while; its readers notice that by the age of the last sample. */
#include "flight.h"

#define SAMPLES 16u
#define HEADING_START 84u
#define DEGREES_PER_SAMPLE 3u

int main(void)
{
    int32_t port = pv_port_open(ATTITUDE_CHANNEL, PV_DIRECTION_SOURCE);
    if (port < 0)
        return 1;
    for (uint32_t sample = 0; sample < SAMPLES; sample++) {
        /* A turn that begins, goes on and ends. */
        int32_t rest = (int32_t)(SAMPLES - 1 - sample);
        int32_t roll = (int32_t)sample < rest ? (int32_t)sample : rest;
        struct attitude attitude = {
            .heading = (HEADING_START + DEGREES_PER_SAMPLE * sample) % 360,
            .roll = roll * 4,
            .pitch = 5 - roll,
        };
        if (pv_sampling_write((uint32_t)port, &attitude, sizeof attitude) != 0)
            return 2;
        pv_yield();
    }
    pv_print("The inertial unit ends.\n");
    return 0;
}
