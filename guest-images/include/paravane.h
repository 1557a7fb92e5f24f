/* The guest ABI of Paravane for C: numbers and structures. docs/ABI.md says what they mean.
   Written by `cargo xtask abi` from hypervisor-core/src/abi; do not edit. */
#ifndef PARAVANE_H
#define PARAVANE_H

#include <stddef.h>
#include <stdint.h>

/* Constants. */
#define PV_ABI_MAJOR 0x1u /* Major version: guests of another one are refused. */
#define PV_ABI_MINOR 0x2u /* Minor version: guests of a later one are refused. */
#define PV_ABI_VERSION 0x10002u /* Major version times 65536 plus minor version. */
#define PV_GATE 0x82u /* Vector of the hypercall gate. */
#define PV_MAGIC 0x6e617650u /* In EAX at entry and first in start info (the bytes `Pvan`). */
#define PV_SELECTOR_CODE 0x23u /* CS: flat code. */
#define PV_SELECTOR_DATA 0x2bu /* DS, ES, SS: flat data. */
#define PV_SELECTOR_GS 0x33u /* The descriptor of GS, flat until its base is set. */
#define PV_SELECTOR_FS 0x3bu /* The descriptor of FS, flat until its base is set. */
#define PV_EVENT_PORTS 0x400u /* Number of event ports; ports are 0 to 1023. */
#define PV_RAM_BASE 0x100000u /* Where the partition's RAM begins. */
#define PV_PAGE_BYTES 0x1000u /* Length of a page of memory. */
#define PV_INTERRUPT_FLAG 0x200u /* The bit of a level, as of EFLAGS, that means enabled. */
#define PV_HYPERCALL_STUB_BYTES 0x20u /* Distance of two stubs in the hypercall page. */
#define PV_HYPERCALL_PAGE_BYTES 0x2000u /* Length of the hypercall page. */
#define PV_PRIORITIES 0x10u /* Priorities of ports that are bound to vectors: 0, the most urgent, to 15. */
#define PV_TRAP_ENTRIES_MAXIMUM 0x100u /* Most entries of one trap_set_table. */
#define PV_PERIOD_MINIMUM_NS 0x3e8u /* Shortest period of the timer, in ns. */
#define PV_NOTE_ABI 0x1u /* ELF note: version and table of calls. */
#define PV_NOTE_MEMORY 0x2u /* ELF note: stack and work area that the guest needs. */
#define PV_NOTE_NAME "Paravane" /* Owner of the ELF notes. */

/* Numbers of the calls. */
#define PV_CALL_EVENT_BIND_INTERRUPT 0x01u /* Binds a free port to a virtual interrupt that no other port is bound to. */
#define PV_CALL_EVENT_BIND_SELF 0x02u /* Binds a free port to the partition itself, so that `event_send` raises it. */
#define PV_CALL_EVENT_UNBIND 0x03u /* Frees a port and clears its pending and mask bits. */
#define PV_CALL_EVENT_MASK 0x04u /* Sets the port's mask bit. */
#define PV_CALL_EVENT_UNMASK 0x05u /* Clears the port's mask bit. */
#define PV_CALL_EVENT_SEND 0x06u /* Raises a port that is bound to the partition itself. */
#define PV_CALL_EVENT_STATUS 0x07u /* Writes what the port is bound to, whether it is pending and masked, and its count. */
#define PV_CALL_UPCALL_SET_ENTRY 0x08u /* Sets where upcalls enter the guest. */
#define PV_CALL_EVENT_BIND_LINE 0x09u /* Binds a free port to an interrupt line that the configuration gives to the partition. */
#define PV_CALL_EVENT_BIND_CHANNEL 0x0au /* Binds a free port to the partition's end of an event channel. */
#define PV_CALL_EVENT_BIND_VECTOR 0x0bu /* Lets the events of a port enter the guest by a vector of its trap table, as an interrupt would, instead of an upcall. */
#define PV_CALL_EVENT_ACK 0x0cu /* Ends the service of a port that is bound to a vector. */
#define PV_CALL_EVENT_SET_PRIORITY 0x0du /* Sets the priority of a port among those that are bound to vectors: 0 is the most urgent, 15 the least, and what a port has when it is bound. */
#define PV_CALL_EVENT_BIND_MESSAGE_PORT 0x0eu /* Binds a free port to a message port. */
#define PV_CALL_INTERRUPTS_SET_LEVEL 0x10u /* Sets the virtual interrupt flag to bit 200h of `level` and returns the level before: the restore of a saved level, or a swap. */
#define PV_CALL_INTERRUPTS_GET_LEVEL 0x11u /* Returns the level of the virtual interrupt flag. */
#define PV_CALL_INTERRUPTS_FLASH 0x12u /* Lets an upcall that is pending be delivered, and leaves upcalls disabled. */
#define PV_CALL_IRET 0x13u /* Returns from an upcall or a trap, or enters a frame that the guest has written itself. */
#define PV_CALL_TRAP_SET_TABLE 0x20u /* Sets handlers of the trap table. */
#define PV_CALL_TRAP_RAISE 0x21u /* Enters the guest's own handler of a vector as if the exception had happened after this call: the frame's EIP is that of the next instruction, and EAX is 0 when the handler returns. */
#define PV_CALL_SEGMENT_SET_BASE 0x30u /* Sets the base of FS or GS, loads the register with the descriptor's selector, and returns the selector, so that the guest can load it again later. */
#define PV_CALL_REGISTER_GET 0x31u /* Writes a register of the system that the core keeps for the guest. */
#define PV_CALL_REGISTER_SET 0x32u /* Sets a register of the system that the core keeps for the guest. */
#define PV_CALL_FPU_SET_SWITCHED 0x33u /* Sets or clears TS of CR0, for the lazy switch of the floating-point unit: while it is set, the first x87, MMX or SSE instruction is a device-not-available fault (vector 7), whose handler saves the state of one thread, loads that of another, and clears TS. */
#define PV_CALL_TIME_NOW 0x50u /* Writes the virtual time in nanoseconds since the partition started. */
#define PV_CALL_TIMER_SET_ONE_SHOT 0x51u /* Arms the timer for one event at an instant of virtual time; an instant that has passed raises it at once. */
#define PV_CALL_TIMER_SET_PERIODIC 0x52u /* Arms the timer for an event every `period_ns` nanoseconds, the first one a period from now. */
#define PV_CALL_TIMER_CANCEL 0x53u /* Disarms the timer. */
#define PV_CALL_WATCHDOG_SET 0x54u /* Arms the watchdog, or moves it. */
#define PV_CALL_YIELD 0x60u /* Gives up the processor for now and stays ready. */
#define PV_CALL_BLOCK 0x61u /* Enables upcalls and waits in one act until one has been delivered and its handler has returned; at once if one is pending. */
#define PV_CALL_SHUTDOWN 0x62u /* Ends the partition. */
#define PV_CALL_WINDOW_INFO 0x63u /* Writes where the partition is in the schedule. */
#define PV_CALL_HALT 0x64u /* Stops the partition without an exit code. */
#define PV_CALL_POLL 0x65u /* Waits until one of the listed ports is pending, whatever masks it, and returns the first such port of the list. */
#define PV_CALL_PLAN_SWITCH 0x66u /* Asks for another schedule plan. */
#define PV_CALL_MESSAGE_PORT_OPEN 0x70u /* Opens the partition's end of a message channel, and returns the number of its message port. */
#define PV_CALL_SAMPLING_WRITE 0x71u /* Writes a message of 1 byte or more that takes the place of the last one. */
#define PV_CALL_SAMPLING_READ 0x72u /* Reads the last message and returns its length. */
#define PV_CALL_QUEUING_SEND 0x73u /* Sends a message of 1 byte or more, which keeps its boundaries. */
#define PV_CALL_QUEUING_RECEIVE 0x74u /* Receives a message and returns its length: the oldest, or where the configuration says so the most urgent and of equals the oldest. */
#define PV_CALL_MESSAGE_PORT_STATUS 0x75u /* Writes what the message port is and how many messages there are. */
#define PV_CALL_MESSAGE_PORT_CLEAR 0x76u /* Drops the messages of a queue that could be received, and returns their number. */
#define PV_CALL_MESSAGE_PORT_SET_PRIORITY 0x77u /* Sets how urgent the messages are that are sent from now on: 0 is the most urgent, 255 the least, and what a message port has when it is opened. */
#define PV_CALL_HEALTH_RAISE 0x80u /* Tells the health monitor of an error of the guest's own. */
#define PV_CALL_HEALTH_READ 0x81u /* Writes an entry of the health log. */
#define PV_CALL_HEALTH_ACKNOWLEDGE 0x82u /* Notes that an entry of the health log was dealt with, and returns the number of the next entry that the partition may read and nobody has dealt with, or of the entry to come. */
#define PV_CALL_PARTITION_FIND 0x88u /* Returns the number of a partition by its name. */
#define PV_CALL_PARTITION_STATUS 0x89u /* Writes the status of a partition: one's own always, that of another with the right to it. */
#define PV_CALL_PARTITION_CONTROL 0x8au /* Suspends, resumes, restarts or halts another partition, or asks it to shut down. */
#define PV_CALL_PARTITION_SET_MODE 0x8bu /* Sets the mode of one's own partition. */
#define PV_CALL_IO_READ 0x90u /* Reads an I/O port that the configuration grants, as IN does. */
#define PV_CALL_IO_WRITE 0x91u /* Writes an I/O port that the configuration grants, as OUT does. */
#define PV_CALL_MEMORY_PROTECT 0xa0u /* Changes what may be done with pages of the partition's own RAM, from the next instruction on. */
#define PV_CALL_MEMORY_MAP 0xa1u /* Maps pages of RAM at another place, where nothing is mapped, above page 0 and below F0000000h. */
#define PV_CALL_MEMORY_UNMAP 0xa2u /* Takes pages of the partition's own RAM out of the address space: an access is a page fault, as where nothing ever was. */
#define PV_CALL_MEMORY_QUERY 0xa3u /* Writes what the page of an address is: any address, the core's own pages too. */
#define PV_CALL_SHARED_AREA_FIND 0xa4u /* Writes where a shared area lies, how long it is, and what the partition may do with it. */
#define PV_CALL_CONSOLE_WRITE 0xd0u /* Writes bytes to the console, all of them, and returns their number. */
#define PV_CALL_CONSOLE_READ 0xd1u /* Reads as many bytes as wait, but no more than fit, and returns their number. */
#define PV_CALL_TRACE_MARK 0xe0u /* Puts a line into the trace. */
#define PV_CALL_TRACE_START 0xe1u /* The trace shows the partition's instructions again, from the next one on. */
#define PV_CALL_TRACE_STOP 0xe2u /* The trace leaves out the partition's instructions until `trace_start`; it goes on showing its events. */

/* Errors: a negative result. */
#define PV_ERROR_NO_SUCH_CALL (-1) /* No call has this number. */
#define PV_ERROR_BAD_ADDRESS (-2) /* An address is not in the partition's memory with the rights that the call needs, or address plus length goes past 4 GiB. */
#define PV_ERROR_MISALIGNED (-3) /* The address of an integer or a structure is not a multiple of 4, or that of a page not a multiple of 4096. */
#define PV_ERROR_INVALID_ARGUMENT (-4) /* An argument has a value that the call does not know. */
#define PV_ERROR_NO_SUCH_PORT (-5) /* The port number is 1024 or more. */
#define PV_ERROR_NOT_BOUND (-6) /* The port, or the virtual interrupt, is not bound. */
#define PV_ERROR_ALREADY_BOUND (-7) /* The port, or the virtual interrupt, is already bound. */
#define PV_ERROR_WRONG_BINDING (-8) /* The port is bound to something for which the call is not meant. */
#define PV_ERROR_PERIOD_TOO_SHORT (-9) /* The period is shorter than 1,000 ns. */
#define PV_ERROR_NO_HANDLER (-10) /* The guest's trap table has no handler for the vector. */
#define PV_ERROR_END_OF_INPUT (-11) /* No console input waits and none will come. */
#define PV_ERROR_NO_SUCH_OBJECT (-12) /* The configuration has no line, channel, message port, partition, plan or log entry of this name or number for the partition. */
#define PV_ERROR_NOT_PERMITTED (-13) /* The configuration does not grant this to the partition. */
#define PV_ERROR_TIMED_OUT (-14) /* The deadline passed first. */
#define PV_ERROR_ALREADY_MAPPED (-15) /* Something is mapped in the range already. */
#define PV_ERROR_NOT_AVAILABLE (-16) /* Nothing was ever written, or there is nothing to receive, or no space to send, and the call does not wait. */
#define PV_ERROR_WRONG_DIRECTION (-17) /* The partition, or its message port, is the other end of the channel. */
#define PV_ERROR_TOO_LONG (-18) /* The message is longer than the channel's longest. */
#define PV_ERROR_WRONG_KIND (-19) /* The channel is of another kind than the call is meant for: sampling, queuing, or by priority. */
#define PV_ERROR_TOO_SHORT (-20) /* The buffer is shorter than the channel's longest message. */

/* What a port can be bound to with event_bind_interrupt. */
#define PV_INTERRUPT_TIMER 0u /* The timer's deadline has passed. */
#define PV_INTERRUPT_CONSOLE_INPUT 1u /* Console input has arrived. */
#define PV_INTERRUPT_CONSOLE_END 2u /* No more console input will come. */
#define PV_INTERRUPT_WINDOW_START 3u /* A time window of the partition has begun. */
#define PV_INTERRUPT_SHUTDOWN_REQUEST 4u /* Another partition, or the host, asks this one to shut down. */
#define PV_INTERRUPT_HEALTH 5u /* The health monitor tells the partition of its own event: health_read says which. */

/* What becomes of periods that the partition cannot be told of one by one. Several pass at once only while the partition is away from the processor. */
#define PV_TICK_ONE 0u /* One event for all that passed at once; the port's count grows by their number. */
#define PV_TICK_BURST 1u /* An event of its own for each: the next one is raised when the last one has been taken, and those that wait are kept. */
#define PV_TICK_SPREAD 2u /* Up to 64 missed ones are made up for, one in the middle of each period to come; more are dropped. */
#define PV_TICK_LOSE 3u /* Of those that passed at once one counts; the others are dropped. */

/* The segment registers whose base can be set. */
#define PV_SEGMENT_FS 0u /* FS. */
#define PV_SEGMENT_GS 1u /* GS. */

/* The registers of the system that the core keeps for the guest. */
#define PV_REGISTER_CR0 0u /* CR0. MP, EM, TS, NE, WP and AM can be set and cleared, and CD and NW, which mean nothing; NW without CD is refused. PE, ET and PG are 1, the others 0. */
#define PV_REGISTER_CR2 1u /* CR2: the address of the last page fault. */
#define PV_REGISTER_CR3 2u /* CR3; means nothing to the core. */
#define PV_REGISTER_CR4 3u /* CR4. TSD can be set and cleared, and with SSE also OSFXSR and OSXMMEXCPT; UMIP is as configured, the others are 0. */
#define PV_REGISTER_DR0 4u /* DR0: a breakpoint's linear address. */
#define PV_REGISTER_DR1 5u /* DR1: the same. */
#define PV_REGISTER_DR2 6u /* DR2: the same. */
#define PV_REGISTER_DR3 7u /* DR3: the same. */
#define PV_REGISTER_DR6 8u /* DR6; reserved bits keep their values. */
#define PV_REGISTER_DR7 9u /* DR7; reserved bits keep their values. */
#define PV_REGISTER_GDTR_BASE 10u /* Base of GDTR; means nothing to the core. */
#define PV_REGISTER_GDTR_LIMIT 11u /* Limit of GDTR, below 10000h; means nothing to the core. */
#define PV_REGISTER_IDTR_BASE 12u /* Base of IDTR; means nothing to the core. */
#define PV_REGISTER_IDTR_LIMIT 13u /* Limit of IDTR, below 10000h; means nothing to the core. */
#define PV_REGISTER_LDTR 14u /* LDTR, a selector below 10000h; means nothing to the core. */
#define PV_REGISTER_TR 15u /* TR, a selector below 10000h; means nothing to the core. */
#define PV_REGISTER_IOPL 16u /* The I/O privilege level, 0 to 3; kept, and never honoured. */

/* What partition_control does. */
#define PV_CONTROL_SUSPEND 0u /* Its windows stay idle until it is resumed; its events stay pending. */
#define PV_CONTROL_RESUME 1u /* It goes on where it was suspended. */
#define PV_CONTROL_COLD_RESTART 2u /* It starts again with everything zeroed, also if it has ended. */
#define PV_CONTROL_WARM_RESTART 3u /* It starts again and keeps its memory outside the image. */
#define PV_CONTROL_HALT 4u /* It stops. */
#define PV_CONTROL_REQUEST_SHUTDOWN 5u /* Its virtual interrupt shutdown_request is raised. */

/* Operating modes of a partition. */
#define PV_MODE_IDLE 0u /* It has stopped. Setting it halts the partition. */
#define PV_MODE_COLD_START 1u /* It starts. Setting it restarts the partition with everything zeroed. */
#define PV_MODE_WARM_START 2u /* It starts and has its memory outside the image. Setting it restarts it so. */
#define PV_MODE_NORMAL 3u /* It has started. */

/* The ends of a message channel. */
#define PV_DIRECTION_SOURCE 0u /* The partition writes or sends. */
#define PV_DIRECTION_DESTINATION 1u /* The partition reads or receives. */

/* Kinds of message channels. */
#define PV_MESSAGE_SAMPLING 0u /* The last message counts. */
#define PV_MESSAGE_QUEUING 1u /* Each message is received once. */

/* States in pv_partition_status. */
#define PV_PARTITION_READY 0u /* It can run. */
#define PV_PARTITION_WAITING 1u /* It waits. */
#define PV_PARTITION_SUSPENDED 2u /* Another partition suspended it. */
#define PV_PARTITION_ENDED 3u /* It ended itself with shutdown. */
#define PV_PARTITION_HALTED 4u /* An error, another partition, or halt stopped it. */

/* Bits of the rights in pv_partition_status. */
#define PV_MAY_STATUS 1u /* Read the status of other partitions. */
#define PV_MAY_CONTROL 2u /* Suspend, resume, restart and halt other partitions. */
#define PV_MAY_PLANS 4u /* Switch the schedule plan. */
#define PV_MAY_HEALTH_LOG 8u /* Read what the health log says of others. */

/* Events of the health log. */
#define PV_HEALTH_EXCEPTION 0u /* An exception without a handler of the guest; the detail is its vector. */
#define PV_HEALTH_MEMORY_VIOLATION 1u /* A page fault without a handler of the guest. */
#define PV_HEALTH_FRAME_FAULT 2u /* A frame could not be pushed on the guest's stack. */
#define PV_HEALTH_ILLEGAL_CALLS 3u /* Too many calls failed in too short a time. */
#define PV_HEALTH_WATCHDOG 4u /* The watchdog was not set again in time. */
#define PV_HEALTH_DEADLOCK 5u /* The guest waits for what can never come. */
#define PV_HEALTH_APPLICATION_ERROR 6u /* The guest called health_raise. */
#define PV_HEALTH_CONFIGURATION 7u /* The partition cannot be started as it is configured. */
#define PV_HEALTH_INCOMPATIBLE_ABI 8u /* The image was built for another ABI. */

/* Actions of the health log. */
#define PV_ACTION_IGNORE 0u /* Nothing. */
#define PV_ACTION_LOG 1u /* The entry in the log, nothing else. */
#define PV_ACTION_PROPAGATE 2u /* The virtual interrupt health was raised. */
#define PV_ACTION_COLD_RESTART 3u /* The partition was started again with everything zeroed. */
#define PV_ACTION_WARM_RESTART 4u /* The partition was started again and kept its memory outside the image. */
#define PV_ACTION_HALT_PARTITION 5u /* The partition was stopped. */
#define PV_ACTION_SWITCH_PLAN 6u /* Another schedule plan was asked for. */
#define PV_ACTION_RESTART_SYSTEM 7u /* All partitions were started again. */
#define PV_ACTION_HALT_SYSTEM 8u /* The system was stopped. */

/* What a port is bound to. */
#define PV_BINDING_NONE 0u /* Nothing. */
#define PV_BINDING_INTERRUPT 1u /* A virtual interrupt. */
#define PV_BINDING_SELF 2u /* The partition itself: event_send raises it. */
#define PV_BINDING_LINE 3u /* An interrupt line of the board. */
#define PV_BINDING_CHANNEL 4u /* The receiving end of an event channel. */
#define PV_BINDING_CHANNEL_SENDER 5u /* The sending end of an event channel: event_send raises the other end. */
#define PV_BINDING_MESSAGE_PORT 6u /* A message port. */

/* Bits of the state in pv_event_status. */
#define PV_EVENT_PENDING 1u /* Raised and not yet taken. */
#define PV_EVENT_MASKED 2u /* Masked. */
#define PV_EVENT_IN_SERVICE 4u /* Its event entered by a vector and was not acknowledged yet. */

/* Bits of the flags in pv_trap_entry. */
#define PV_TRAP_KEEP_MASK 1u /* Entering the handler does not mask upcalls. */
#define PV_TRAP_USER 2u /* The instruction INT n reaches the handler. */

/* Kinds of memory in the memory map. */
#define PV_MEMORY_RAM 1u /* The partition's RAM, the image in it. */
#define PV_MEMORY_START_INFO 2u /* Start info and what it points to. */
#define PV_MEMORY_SHARED_PAGE 3u /* The shared page. */
#define PV_MEMORY_COUNT_PAGE 4u /* The page of event counts. */
#define PV_MEMORY_HYPERCALL_PAGE 5u /* The hypercall page. */
#define PV_MEMORY_BOOT_STACK 6u /* The stack that ESP points to at entry. */
#define PV_MEMORY_SHARED_AREA 7u /* Memory that other partitions see, too; never executable. shared_area_find tells it by its name. */
#define PV_MEMORY_BOOT_MODULE 8u /* The boot module. */

/* Bits of the rights in the memory map. */
#define PV_RIGHT_READ 1u /* May be read. */
#define PV_RIGHT_WRITE 2u /* May be written. */
#define PV_RIGHT_EXECUTE 4u /* May be executed. */

/* Bits of the console word in start info. */
#define PV_CONSOLE_OUTPUT 1u /* The console takes output. */
#define PV_CONSOLE_INPUT 2u /* The console may give input. */

/* Why the partition was started. */
#define PV_START_COLD 0u /* A cold start: memory is as the image says, and zero elsewhere. */
#define PV_START_WARM 1u /* A warm start: memory outside the image is as it was. */
#define PV_START_COLD_AFTER_HEALTH 2u /* A cold start by the health monitor. */
#define PV_START_WARM_AFTER_HEALTH 3u /* A warm start by the health monitor. */

/* EBX points to it at entry. It and what it points to are read-only. */
struct pv_start_info {
    uint32_t magic; /* +0: PV_MAGIC. */
    uint32_t abi_version; /* +4: The core's version: major << 16 | minor. */
    uint32_t size_bytes; /* +8: Length of this structure; later minor versions append fields. */
    uint32_t partition_id; /* +12: Number of the partition. */
    char partition_name[32]; /* +16: Name of the partition, ended by a zero byte. */
    uint32_t memory_map; /* +48: Address of an array of pv_memory_map_entry. */
    uint32_t memory_map_count; /* +52: Number of its entries. */
    uint32_t shared_page; /* +56: Address of pv_shared_page. */
    uint32_t count_page; /* +60: Address of the read-only page with one u32 count for each port. */
    uint32_t hypercall_page; /* +64: Address of the hypercall page. */
    uint32_t console; /* +68: Bits of PV_CONSOLE_... */
    uint64_t clock_rate __attribute__((packed, aligned(4))); /* +72: Units of virtual time in a second. */
    uint32_t command_line; /* +80: Address of the command line, ended by a zero byte; 0 for none. */
    uint32_t command_line_length; /* +84: Its length in bytes without the zero byte. */
    uint32_t boot_module; /* +88: Address of the boot module; 0 for none. */
    uint32_t boot_module_length; /* +92: Its length in bytes. */
    uint32_t start_condition; /* +96: One of PV_START_... */
    uint32_t restart_count; /* +100: How often the partition was restarted. */
};
_Static_assert(sizeof(struct pv_start_info) == 104, "pv_start_info");
_Static_assert(offsetof(struct pv_start_info, magic) == 0, "pv_start_info.magic");
_Static_assert(offsetof(struct pv_start_info, abi_version) == 4, "pv_start_info.abi_version");
_Static_assert(offsetof(struct pv_start_info, size_bytes) == 8, "pv_start_info.size_bytes");
_Static_assert(offsetof(struct pv_start_info, partition_id) == 12, "pv_start_info.partition_id");
_Static_assert(offsetof(struct pv_start_info, partition_name) == 16, "pv_start_info.partition_name");
_Static_assert(offsetof(struct pv_start_info, memory_map) == 48, "pv_start_info.memory_map");
_Static_assert(offsetof(struct pv_start_info, memory_map_count) == 52, "pv_start_info.memory_map_count");
_Static_assert(offsetof(struct pv_start_info, shared_page) == 56, "pv_start_info.shared_page");
_Static_assert(offsetof(struct pv_start_info, count_page) == 60, "pv_start_info.count_page");
_Static_assert(offsetof(struct pv_start_info, hypercall_page) == 64, "pv_start_info.hypercall_page");
_Static_assert(offsetof(struct pv_start_info, console) == 68, "pv_start_info.console");
_Static_assert(offsetof(struct pv_start_info, clock_rate) == 72, "pv_start_info.clock_rate");
_Static_assert(offsetof(struct pv_start_info, command_line) == 80, "pv_start_info.command_line");
_Static_assert(offsetof(struct pv_start_info, command_line_length) == 84, "pv_start_info.command_line_length");
_Static_assert(offsetof(struct pv_start_info, boot_module) == 88, "pv_start_info.boot_module");
_Static_assert(offsetof(struct pv_start_info, boot_module_length) == 92, "pv_start_info.boot_module_length");
_Static_assert(offsetof(struct pv_start_info, start_condition) == 96, "pv_start_info.start_condition");
_Static_assert(offsetof(struct pv_start_info, restart_count) == 100, "pv_start_info.restart_count");

/* One range of the partition's memory. */
struct pv_memory_map_entry {
    uint32_t base; /* +0: First address. */
    uint32_t length; /* +4: Length in bytes. */
    uint32_t kind; /* +8: One of PV_MEMORY_... */
    uint32_t rights; /* +12: Bits of PV_RIGHT_...; for RAM those of pages that no segment of the image covers. */
};
_Static_assert(sizeof(struct pv_memory_map_entry) == 16, "pv_memory_map_entry");
_Static_assert(offsetof(struct pv_memory_map_entry, base) == 0, "pv_memory_map_entry.base");
_Static_assert(offsetof(struct pv_memory_map_entry, length) == 4, "pv_memory_map_entry.length");
_Static_assert(offsetof(struct pv_memory_map_entry, kind) == 8, "pv_memory_map_entry.kind");
_Static_assert(offsetof(struct pv_memory_map_entry, rights) == 12, "pv_memory_map_entry.rights");

/* Read and written by both sides. The core trusts nothing in it. */
struct pv_shared_page {
    uint32_t mask; /* +0: The virtual interrupt flag: 0 enabled, else masked. */
    uint32_t upcall_pending; /* +4: Non-zero: an upcall is wanted. */
    uint32_t selector; /* +8: Bit n: word n of event_pending may hold an unmasked bit. */
    uint32_t cr2; /* +12: Linear address of the last page fault. */
    uint32_t time_version; /* +16: Read it before and after the four fields below; equal and even: they belong together. */
    uint8_t reserved_time[4]; /* +20: 0. */
    uint64_t time_stamp __attribute__((packed, aligned(4))); /* +24: What RDTSC read at system_time_ns. */
    uint64_t system_time_ns __attribute__((packed, aligned(4))); /* +32: Virtual time then. Now is system_time_ns + (((RDTSC - time_stamp) << time_shift) * time_multiplier >> 32), with a product of 96 bits; exact to one microsecond and never ahead of time_now. */
    uint32_t time_multiplier; /* +40: See system_time_ns. */
    uint32_t time_shift; /* +44: See system_time_ns. Signed: shift right by -time_shift if it is negative. */
    uint32_t cr0; /* +48: CR0; a copy for reading, as the nine that follow. */
    uint32_t cr3; /* +52: CR3. */
    uint32_t cr4; /* +56: CR4. */
    uint32_t gdtr_base; /* +60: Base of GDTR. */
    uint32_t gdtr_limit; /* +64: Limit of GDTR. */
    uint32_t idtr_base; /* +68: Base of IDTR. */
    uint32_t idtr_limit; /* +72: Limit of IDTR. */
    uint32_t ldtr; /* +76: LDTR. */
    uint32_t tr; /* +80: TR. */
    uint32_t iopl; /* +84: The I/O privilege level, 0 to 3. */
    uint8_t reserved_registers[104]; /* +88: 0. */
    uint64_t window_start_ns __attribute__((packed, aligned(4))); /* +192: When the partition's current or last window began; 0 where a partition always runs. */
    uint64_t window_end_ns __attribute__((packed, aligned(4))); /* +200: When that window ends; 0 where a partition always runs. */
    uint32_t window_index; /* +208: Its place in the plan, from 0. */
    uint32_t window_plan; /* +212: The schedule plan. */
    uint64_t running_ns __attribute__((packed, aligned(4))); /* +216: How long the partition ran since the system started. This and the two that follow add up to the instant at which it last began to run: at the start of a window, or after a wait. */
    uint64_t waiting_ns __attribute__((packed, aligned(4))); /* +224: How long it waited in its windows. */
    uint64_t away_ns __attribute__((packed, aligned(4))); /* +232: How long it was away from the processor. */
    uint32_t trap_entered; /* +240: 1 when a trap has entered a handler of the trap table: an exception, INT n, trap_raise, or an event that is bound to a vector. The guest may store 0. */
    uint32_t trap_vector; /* +244: The vector of the last such trap. */
    uint32_t trap_error_code; /* +248: Its error code; 0 if its frame has none. */
    uint32_t trap_eip; /* +252: EIP in its frame. */
    uint8_t reserved_traps[768]; /* +256: 0. */
    uint32_t event_pending[32]; /* +1024: One bit for each port: raised. */
    uint32_t event_mask[32]; /* +1152: One bit for each port: masked. */
    uint8_t reserved_end[2816]; /* +1280: 0. */
};
_Static_assert(sizeof(struct pv_shared_page) == 4096, "pv_shared_page");
_Static_assert(offsetof(struct pv_shared_page, mask) == 0, "pv_shared_page.mask");
_Static_assert(offsetof(struct pv_shared_page, upcall_pending) == 4, "pv_shared_page.upcall_pending");
_Static_assert(offsetof(struct pv_shared_page, selector) == 8, "pv_shared_page.selector");
_Static_assert(offsetof(struct pv_shared_page, cr2) == 12, "pv_shared_page.cr2");
_Static_assert(offsetof(struct pv_shared_page, time_version) == 16, "pv_shared_page.time_version");
_Static_assert(offsetof(struct pv_shared_page, reserved_time) == 20, "pv_shared_page.reserved_time");
_Static_assert(offsetof(struct pv_shared_page, time_stamp) == 24, "pv_shared_page.time_stamp");
_Static_assert(offsetof(struct pv_shared_page, system_time_ns) == 32, "pv_shared_page.system_time_ns");
_Static_assert(offsetof(struct pv_shared_page, time_multiplier) == 40, "pv_shared_page.time_multiplier");
_Static_assert(offsetof(struct pv_shared_page, time_shift) == 44, "pv_shared_page.time_shift");
_Static_assert(offsetof(struct pv_shared_page, cr0) == 48, "pv_shared_page.cr0");
_Static_assert(offsetof(struct pv_shared_page, cr3) == 52, "pv_shared_page.cr3");
_Static_assert(offsetof(struct pv_shared_page, cr4) == 56, "pv_shared_page.cr4");
_Static_assert(offsetof(struct pv_shared_page, gdtr_base) == 60, "pv_shared_page.gdtr_base");
_Static_assert(offsetof(struct pv_shared_page, gdtr_limit) == 64, "pv_shared_page.gdtr_limit");
_Static_assert(offsetof(struct pv_shared_page, idtr_base) == 68, "pv_shared_page.idtr_base");
_Static_assert(offsetof(struct pv_shared_page, idtr_limit) == 72, "pv_shared_page.idtr_limit");
_Static_assert(offsetof(struct pv_shared_page, ldtr) == 76, "pv_shared_page.ldtr");
_Static_assert(offsetof(struct pv_shared_page, tr) == 80, "pv_shared_page.tr");
_Static_assert(offsetof(struct pv_shared_page, iopl) == 84, "pv_shared_page.iopl");
_Static_assert(offsetof(struct pv_shared_page, reserved_registers) == 88, "pv_shared_page.reserved_registers");
_Static_assert(offsetof(struct pv_shared_page, window_start_ns) == 192, "pv_shared_page.window_start_ns");
_Static_assert(offsetof(struct pv_shared_page, window_end_ns) == 200, "pv_shared_page.window_end_ns");
_Static_assert(offsetof(struct pv_shared_page, window_index) == 208, "pv_shared_page.window_index");
_Static_assert(offsetof(struct pv_shared_page, window_plan) == 212, "pv_shared_page.window_plan");
_Static_assert(offsetof(struct pv_shared_page, running_ns) == 216, "pv_shared_page.running_ns");
_Static_assert(offsetof(struct pv_shared_page, waiting_ns) == 224, "pv_shared_page.waiting_ns");
_Static_assert(offsetof(struct pv_shared_page, away_ns) == 232, "pv_shared_page.away_ns");
_Static_assert(offsetof(struct pv_shared_page, trap_entered) == 240, "pv_shared_page.trap_entered");
_Static_assert(offsetof(struct pv_shared_page, trap_vector) == 244, "pv_shared_page.trap_vector");
_Static_assert(offsetof(struct pv_shared_page, trap_error_code) == 248, "pv_shared_page.trap_error_code");
_Static_assert(offsetof(struct pv_shared_page, trap_eip) == 252, "pv_shared_page.trap_eip");
_Static_assert(offsetof(struct pv_shared_page, reserved_traps) == 256, "pv_shared_page.reserved_traps");
_Static_assert(offsetof(struct pv_shared_page, event_pending) == 1024, "pv_shared_page.event_pending");
_Static_assert(offsetof(struct pv_shared_page, event_mask) == 1152, "pv_shared_page.event_mask");
_Static_assert(offsetof(struct pv_shared_page, reserved_end) == 1280, "pv_shared_page.reserved_end");

/* Read-only to the guest: how often each port was raised since the partition started. A count wraps and never goes down. */
struct pv_count_page {
    uint32_t count[1024]; /* +0: One count for each port. */
};
_Static_assert(sizeof(struct pv_count_page) == 4096, "pv_count_page");
_Static_assert(offsetof(struct pv_count_page, count) == 0, "pv_count_page.count");

/* The handler of one exception or software interrupt. */
struct pv_trap_entry {
    uint8_t vector; /* +0: The vector; not that of the gate. */
    uint8_t flags; /* +1: Bits of PV_TRAP_... */
    uint16_t selector; /* +2: PV_SELECTOR_CODE. */
    uint32_t address; /* +4: The handler, in memory that may be executed; 0 removes the handler. */
};
_Static_assert(sizeof(struct pv_trap_entry) == 8, "pv_trap_entry");
_Static_assert(offsetof(struct pv_trap_entry, vector) == 0, "pv_trap_entry.vector");
_Static_assert(offsetof(struct pv_trap_entry, flags) == 1, "pv_trap_entry.flags");
_Static_assert(offsetof(struct pv_trap_entry, selector) == 2, "pv_trap_entry.selector");
_Static_assert(offsetof(struct pv_trap_entry, address) == 4, "pv_trap_entry.address");

/* The answer of event_status. */
struct pv_event_status {
    uint32_t binding; /* +0: One of PV_BINDING_... */
    uint32_t interrupt; /* +4: With PV_BINDING_INTERRUPT one of PV_INTERRUPT_..., with PV_BINDING_LINE the line, with PV_BINDING_MESSAGE_PORT the message port, else 0. */
    uint32_t state; /* +8: Bits of PV_EVENT_... */
    uint32_t count; /* +12: The port's count. */
};
_Static_assert(sizeof(struct pv_event_status) == 16, "pv_event_status");
_Static_assert(offsetof(struct pv_event_status, binding) == 0, "pv_event_status.binding");
_Static_assert(offsetof(struct pv_event_status, interrupt) == 4, "pv_event_status.interrupt");
_Static_assert(offsetof(struct pv_event_status, state) == 8, "pv_event_status.state");
_Static_assert(offsetof(struct pv_event_status, count) == 12, "pv_event_status.count");

/* An event port that poll waits for. */
struct pv_poll_entry {
    uint32_t port; /* +0: The port; it must be bound. */
};
_Static_assert(sizeof(struct pv_poll_entry) == 4, "pv_poll_entry");
_Static_assert(offsetof(struct pv_poll_entry, port) == 0, "pv_poll_entry.port");

/* The answer of window_info. */
struct pv_window_info {
    uint64_t now_ns __attribute__((packed, aligned(4))); /* +0: Virtual time of the answer. */
    uint64_t window_start_ns __attribute__((packed, aligned(4))); /* +8: When the current window began. */
    uint64_t window_end_ns __attribute__((packed, aligned(4))); /* +16: When it ends; all bits set: never. */
    uint64_t frame_start_ns __attribute__((packed, aligned(4))); /* +24: When the current major frame began. */
    uint64_t frame_ns __attribute__((packed, aligned(4))); /* +32: Length of the major frame; all bits set: it never ends. */
    uint64_t frames __attribute__((packed, aligned(4))); /* +40: Major frames that have ended. */
    uint32_t window; /* +48: Place of the window in the plan, from 0. */
    uint32_t plan; /* +52: The plan. */
    uint32_t next_plan; /* +56: The plan that was asked for; that of `plan` if none was. */
    uint32_t plans; /* +60: How many plans there are. */
};
_Static_assert(sizeof(struct pv_window_info) == 64, "pv_window_info");
_Static_assert(offsetof(struct pv_window_info, now_ns) == 0, "pv_window_info.now_ns");
_Static_assert(offsetof(struct pv_window_info, window_start_ns) == 8, "pv_window_info.window_start_ns");
_Static_assert(offsetof(struct pv_window_info, window_end_ns) == 16, "pv_window_info.window_end_ns");
_Static_assert(offsetof(struct pv_window_info, frame_start_ns) == 24, "pv_window_info.frame_start_ns");
_Static_assert(offsetof(struct pv_window_info, frame_ns) == 32, "pv_window_info.frame_ns");
_Static_assert(offsetof(struct pv_window_info, frames) == 40, "pv_window_info.frames");
_Static_assert(offsetof(struct pv_window_info, window) == 48, "pv_window_info.window");
_Static_assert(offsetof(struct pv_window_info, plan) == 52, "pv_window_info.plan");
_Static_assert(offsetof(struct pv_window_info, next_plan) == 56, "pv_window_info.next_plan");
_Static_assert(offsetof(struct pv_window_info, plans) == 60, "pv_window_info.plans");

/* The answer of partition_status. */
struct pv_partition_status {
    uint32_t state; /* +0: One of PV_PARTITION_... */
    uint32_t mode; /* +4: One of PV_MODE_... */
    uint32_t start_condition; /* +8: One of PV_START_... */
    uint32_t restart_count; /* +12: How often it was started again. */
    uint32_t exit_code; /* +16: With PV_PARTITION_ENDED the code of shutdown, else 0. */
    uint32_t rights; /* +20: Bits of PV_MAY_...: what it may do to others. */
    uint64_t executed __attribute__((packed, aligned(4))); /* +24: Units that it executed. */
};
_Static_assert(sizeof(struct pv_partition_status) == 32, "pv_partition_status");
_Static_assert(offsetof(struct pv_partition_status, state) == 0, "pv_partition_status.state");
_Static_assert(offsetof(struct pv_partition_status, mode) == 4, "pv_partition_status.mode");
_Static_assert(offsetof(struct pv_partition_status, start_condition) == 8, "pv_partition_status.start_condition");
_Static_assert(offsetof(struct pv_partition_status, restart_count) == 12, "pv_partition_status.restart_count");
_Static_assert(offsetof(struct pv_partition_status, exit_code) == 16, "pv_partition_status.exit_code");
_Static_assert(offsetof(struct pv_partition_status, rights) == 20, "pv_partition_status.rights");
_Static_assert(offsetof(struct pv_partition_status, executed) == 24, "pv_partition_status.executed");

/* An entry of the health log, as health_read writes it. */
struct pv_health_entry {
    uint64_t time_ns __attribute__((packed, aligned(4))); /* +0: When it happened. */
    uint32_t sequence; /* +8: Its number, from 0. */
    uint32_t partition; /* +12: In which partition. */
    uint32_t event; /* +16: What: one of PV_HEALTH_... */
    uint32_t action; /* +20: What was done: one of PV_ACTION_... */
    uint32_t detail; /* +24: The vector of an exception, the code of an application error, the address of a memory violation or a frame fault, else 0. */
    uint32_t address; /* +28: EIP when it happened. */
    uint32_t message_length; /* +32: Bytes of the message. */
    char message[64]; /* +36: The message of health_raise. */
};
_Static_assert(sizeof(struct pv_health_entry) == 100, "pv_health_entry");
_Static_assert(offsetof(struct pv_health_entry, time_ns) == 0, "pv_health_entry.time_ns");
_Static_assert(offsetof(struct pv_health_entry, sequence) == 8, "pv_health_entry.sequence");
_Static_assert(offsetof(struct pv_health_entry, partition) == 12, "pv_health_entry.partition");
_Static_assert(offsetof(struct pv_health_entry, event) == 16, "pv_health_entry.event");
_Static_assert(offsetof(struct pv_health_entry, action) == 20, "pv_health_entry.action");
_Static_assert(offsetof(struct pv_health_entry, detail) == 24, "pv_health_entry.detail");
_Static_assert(offsetof(struct pv_health_entry, address) == 28, "pv_health_entry.address");
_Static_assert(offsetof(struct pv_health_entry, message_length) == 32, "pv_health_entry.message_length");
_Static_assert(offsetof(struct pv_health_entry, message) == 36, "pv_health_entry.message");

/* The answer of memory_query: what one page of the address space is. */
struct pv_memory_page {
    uint32_t kind; /* +0: One of PV_MEMORY_...; 0 where nothing is mapped. */
    uint32_t rights; /* +4: Bits of PV_RIGHT_... */
    uint32_t source; /* +8: With PV_MEMORY_RAM the address that the page has in RAM at the start, else 0. */
};
_Static_assert(sizeof(struct pv_memory_page) == 12, "pv_memory_page");
_Static_assert(offsetof(struct pv_memory_page, kind) == 0, "pv_memory_page.kind");
_Static_assert(offsetof(struct pv_memory_page, rights) == 4, "pv_memory_page.rights");
_Static_assert(offsetof(struct pv_memory_page, source) == 8, "pv_memory_page.source");

/* What sampling_read tells of a message. */
struct pv_sample_info {
    uint64_t age_ns __attribute__((packed, aligned(4))); /* +0: For how long readers could see it. */
    uint32_t length; /* +8: Its length in bytes. */
    uint32_t valid; /* +12: 1 if the age is at most the channel's refresh period, else 0. */
    uint32_t is_new; /* +16: 1 if this partition did not read it before, else 0. */
    uint32_t sequence; /* +20: Its number among the messages that readers could see, from 1, modulo 2^32. */
};
_Static_assert(sizeof(struct pv_sample_info) == 24, "pv_sample_info");
_Static_assert(offsetof(struct pv_sample_info, age_ns) == 0, "pv_sample_info.age_ns");
_Static_assert(offsetof(struct pv_sample_info, length) == 8, "pv_sample_info.length");
_Static_assert(offsetof(struct pv_sample_info, valid) == 12, "pv_sample_info.valid");
_Static_assert(offsetof(struct pv_sample_info, is_new) == 16, "pv_sample_info.is_new");
_Static_assert(offsetof(struct pv_sample_info, sequence) == 20, "pv_sample_info.sequence");

/* The answer of message_port_status. */
struct pv_message_port_status {
    uint64_t refresh_ns __attribute__((packed, aligned(4))); /* +0: For how long a sample is valid; 0 for a queue. */
    uint32_t kind; /* +8: One of PV_MESSAGE_... */
    uint32_t direction; /* +12: One of PV_DIRECTION_... */
    uint32_t message_bytes; /* +16: The longest message in bytes. */
    uint32_t depth; /* +20: How many messages the queue holds at most; 1 for a sample. */
    uint32_t messages; /* +24: For a source of a queue the messages that take up its places, else those that can be received or read. */
    uint32_t valid; /* +28: 1 if there is a sample and it is valid now, else 0. */
};
_Static_assert(sizeof(struct pv_message_port_status) == 32, "pv_message_port_status");
_Static_assert(offsetof(struct pv_message_port_status, refresh_ns) == 0, "pv_message_port_status.refresh_ns");
_Static_assert(offsetof(struct pv_message_port_status, kind) == 8, "pv_message_port_status.kind");
_Static_assert(offsetof(struct pv_message_port_status, direction) == 12, "pv_message_port_status.direction");
_Static_assert(offsetof(struct pv_message_port_status, message_bytes) == 16, "pv_message_port_status.message_bytes");
_Static_assert(offsetof(struct pv_message_port_status, depth) == 20, "pv_message_port_status.depth");
_Static_assert(offsetof(struct pv_message_port_status, messages) == 24, "pv_message_port_status.messages");
_Static_assert(offsetof(struct pv_message_port_status, valid) == 28, "pv_message_port_status.valid");

#endif
