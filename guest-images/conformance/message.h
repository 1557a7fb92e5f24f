/* The calls of message ports, with up to five arguments. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "system.h"

/* A deadline that makes a call return at once, and one that never comes. */
#define AT_ONCE 0ull
#define FOR_EVER 0xffffffffffffffffull

static inline uint32_t message_length(const char *text)
{
    uint32_t length = 0;
    while (text[length] != '\0')
        length++;
    return length;
}

static inline int32_t message_open(const char *name, uint32_t direction)
{
    return call_by_page(PV_CALL_MESSAGE_PORT_OPEN, check_address(name), message_length(name), direction);
}

static inline int32_t message_call(uint32_t number, uint32_t port, const void *bytes, uint32_t length, uint64_t last)
{
    uint32_t eax = number;
    __asm__ volatile("int $0x82"
                     : "+a"(eax)
                     : "b"(port), "c"(bytes), "d"(length), "S"((uint32_t)last), "D"((uint32_t)(last >> 32))
                     : "memory");
    return (int32_t)eax;
}

#endif
