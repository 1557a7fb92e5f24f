/* What the guests of the proofs share: ports of lines and channels, which the layer does not bind, and handlers that count. */
#ifndef PROOF_H
#define PROOF_H

#include "pv.h"

static inline int32_t proof_call(uint32_t number, uint32_t first, uint32_t second, uint32_t third, uint32_t fourth)
{
    uint32_t eax = pv_start_info->hypercall_page + PV_HYPERCALL_STUB_BYTES * number;
    __asm__ volatile("call *%0" : "+a"(eax) : "b"(first), "c"(second), "d"(third), "S"(fourth) : "memory");
    return (int32_t)eax;
}

/* Makes the layer know the handler of a port that is bound by a call of one's own. Nothing may have been raised on the port. */
static inline int32_t proof_set_handler(uint32_t port, pv_event_handler *handler)
{
    int32_t result = pv_event_bind_self(port, handler);
    return result != 0 ? result : pv_event_unbind(port);
}

static inline int32_t proof_bind_line(uint32_t line, uint32_t port, pv_event_handler *handler)
{
    uint32_t count = 0;
    int32_t result = proof_set_handler(port, handler);
    if (result != 0)
        return result;
    return proof_call(PV_CALL_EVENT_BIND_LINE, line, port, (uint32_t)(uintptr_t)&count, 0);
}

#endif
