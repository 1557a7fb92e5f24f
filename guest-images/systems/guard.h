/* What the partitions of the system `guard` agree on. */
#ifndef GUARD_H
#define GUARD_H

#include "pv.h"

#define MILLISECOND 1000000u

/* The names of the shared area and of the event channels. */
#define READINGS "readings"
#define READING "reading"
#define ALARM "alarm"

/* In the shared area: how many readings there were in this life of the plant, and the last one. */
struct readings {
    uint32_t count;
    uint32_t degrees;
};

#endif
