/* What the partitions of the system `flight` send each other. */
#ifndef FLIGHT_H
#define FLIGHT_H

#include "pv.h"

/* The sampling channel `attitude`: angles in degrees. */
#define ATTITUDE_CHANNEL "attitude"
struct attitude {
    uint32_t heading;
    int32_t roll;
    int32_t pitch;
};

/* The queuing channel `advice`: lines of text for the display. */
#define ADVICE_CHANNEL "advice"
#define ADVICE_BYTES 48u

#endif
