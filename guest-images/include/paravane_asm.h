/* The guest ABI of Paravane for the assembler (GNU as, through the C preprocessor): numbers, offsets, ELF notes.
   docs/ABI.md says what they mean. Written by `cargo xtask abi` from hypervisor-core/src/abi; do not edit. */
#ifndef PARAVANE_ASM_H
#define PARAVANE_ASM_H

#define PV_ABI_MAJOR 0x1
#define PV_ABI_MINOR 0x2
#define PV_ABI_VERSION 0x10002
#define PV_GATE 0x82
#define PV_MAGIC 0x6e617650
#define PV_SELECTOR_CODE 0x23
#define PV_SELECTOR_DATA 0x2b
#define PV_SELECTOR_GS 0x33
#define PV_SELECTOR_FS 0x3b
#define PV_EVENT_PORTS 0x400
#define PV_RAM_BASE 0x100000
#define PV_PAGE_BYTES 0x1000
#define PV_INTERRUPT_FLAG 0x200
#define PV_HYPERCALL_STUB_BYTES 0x20
#define PV_HYPERCALL_PAGE_BYTES 0x2000
#define PV_PRIORITIES 0x10
#define PV_TRAP_ENTRIES_MAXIMUM 0x100
#define PV_PERIOD_MINIMUM_NS 0x3e8
#define PV_NOTE_ABI 0x1
#define PV_NOTE_MEMORY 0x2

#define PV_CALL_EVENT_BIND_INTERRUPT 0x1
#define PV_CALL_EVENT_BIND_SELF 0x2
#define PV_CALL_EVENT_UNBIND 0x3
#define PV_CALL_EVENT_MASK 0x4
#define PV_CALL_EVENT_UNMASK 0x5
#define PV_CALL_EVENT_SEND 0x6
#define PV_CALL_EVENT_STATUS 0x7
#define PV_CALL_UPCALL_SET_ENTRY 0x8
#define PV_CALL_EVENT_BIND_LINE 0x9
#define PV_CALL_EVENT_BIND_CHANNEL 0xa
#define PV_CALL_EVENT_BIND_VECTOR 0xb
#define PV_CALL_EVENT_ACK 0xc
#define PV_CALL_EVENT_SET_PRIORITY 0xd
#define PV_CALL_EVENT_BIND_MESSAGE_PORT 0xe
#define PV_CALL_INTERRUPTS_SET_LEVEL 0x10
#define PV_CALL_INTERRUPTS_GET_LEVEL 0x11
#define PV_CALL_INTERRUPTS_FLASH 0x12
#define PV_CALL_IRET 0x13
#define PV_CALL_TRAP_SET_TABLE 0x20
#define PV_CALL_TRAP_RAISE 0x21
#define PV_CALL_SEGMENT_SET_BASE 0x30
#define PV_CALL_REGISTER_GET 0x31
#define PV_CALL_REGISTER_SET 0x32
#define PV_CALL_FPU_SET_SWITCHED 0x33
#define PV_CALL_TIME_NOW 0x50
#define PV_CALL_TIMER_SET_ONE_SHOT 0x51
#define PV_CALL_TIMER_SET_PERIODIC 0x52
#define PV_CALL_TIMER_CANCEL 0x53
#define PV_CALL_WATCHDOG_SET 0x54
#define PV_CALL_YIELD 0x60
#define PV_CALL_BLOCK 0x61
#define PV_CALL_SHUTDOWN 0x62
#define PV_CALL_WINDOW_INFO 0x63
#define PV_CALL_HALT 0x64
#define PV_CALL_POLL 0x65
#define PV_CALL_PLAN_SWITCH 0x66
#define PV_CALL_MESSAGE_PORT_OPEN 0x70
#define PV_CALL_SAMPLING_WRITE 0x71
#define PV_CALL_SAMPLING_READ 0x72
#define PV_CALL_QUEUING_SEND 0x73
#define PV_CALL_QUEUING_RECEIVE 0x74
#define PV_CALL_MESSAGE_PORT_STATUS 0x75
#define PV_CALL_MESSAGE_PORT_CLEAR 0x76
#define PV_CALL_MESSAGE_PORT_SET_PRIORITY 0x77
#define PV_CALL_HEALTH_RAISE 0x80
#define PV_CALL_HEALTH_READ 0x81
#define PV_CALL_HEALTH_ACKNOWLEDGE 0x82
#define PV_CALL_PARTITION_FIND 0x88
#define PV_CALL_PARTITION_STATUS 0x89
#define PV_CALL_PARTITION_CONTROL 0x8a
#define PV_CALL_PARTITION_SET_MODE 0x8b
#define PV_CALL_IO_READ 0x90
#define PV_CALL_IO_WRITE 0x91
#define PV_CALL_MEMORY_PROTECT 0xa0
#define PV_CALL_MEMORY_MAP 0xa1
#define PV_CALL_MEMORY_UNMAP 0xa2
#define PV_CALL_MEMORY_QUERY 0xa3
#define PV_CALL_SHARED_AREA_FIND 0xa4
#define PV_CALL_CONSOLE_WRITE 0xd0
#define PV_CALL_CONSOLE_READ 0xd1
#define PV_CALL_TRACE_MARK 0xe0
#define PV_CALL_TRACE_START 0xe1
#define PV_CALL_TRACE_STOP 0xe2

#define PV_ERROR_NO_SUCH_CALL -1
#define PV_ERROR_BAD_ADDRESS -2
#define PV_ERROR_MISALIGNED -3
#define PV_ERROR_INVALID_ARGUMENT -4
#define PV_ERROR_NO_SUCH_PORT -5
#define PV_ERROR_NOT_BOUND -6
#define PV_ERROR_ALREADY_BOUND -7
#define PV_ERROR_WRONG_BINDING -8
#define PV_ERROR_PERIOD_TOO_SHORT -9
#define PV_ERROR_NO_HANDLER -10
#define PV_ERROR_END_OF_INPUT -11
#define PV_ERROR_NO_SUCH_OBJECT -12
#define PV_ERROR_NOT_PERMITTED -13
#define PV_ERROR_TIMED_OUT -14
#define PV_ERROR_ALREADY_MAPPED -15
#define PV_ERROR_NOT_AVAILABLE -16
#define PV_ERROR_WRONG_DIRECTION -17
#define PV_ERROR_TOO_LONG -18
#define PV_ERROR_WRONG_KIND -19
#define PV_ERROR_TOO_SHORT -20

#define PV_INTERRUPT_TIMER 0x0
#define PV_INTERRUPT_CONSOLE_INPUT 0x1
#define PV_INTERRUPT_CONSOLE_END 0x2
#define PV_INTERRUPT_WINDOW_START 0x3
#define PV_INTERRUPT_SHUTDOWN_REQUEST 0x4
#define PV_INTERRUPT_HEALTH 0x5
#define PV_TICK_ONE 0x0
#define PV_TICK_BURST 0x1
#define PV_TICK_SPREAD 0x2
#define PV_TICK_LOSE 0x3
#define PV_SEGMENT_FS 0x0
#define PV_SEGMENT_GS 0x1
#define PV_REGISTER_CR0 0x0
#define PV_REGISTER_CR2 0x1
#define PV_REGISTER_CR3 0x2
#define PV_REGISTER_CR4 0x3
#define PV_REGISTER_DR0 0x4
#define PV_REGISTER_DR1 0x5
#define PV_REGISTER_DR2 0x6
#define PV_REGISTER_DR3 0x7
#define PV_REGISTER_DR6 0x8
#define PV_REGISTER_DR7 0x9
#define PV_REGISTER_GDTR_BASE 0xa
#define PV_REGISTER_GDTR_LIMIT 0xb
#define PV_REGISTER_IDTR_BASE 0xc
#define PV_REGISTER_IDTR_LIMIT 0xd
#define PV_REGISTER_LDTR 0xe
#define PV_REGISTER_TR 0xf
#define PV_REGISTER_IOPL 0x10
#define PV_CONTROL_SUSPEND 0x0
#define PV_CONTROL_RESUME 0x1
#define PV_CONTROL_COLD_RESTART 0x2
#define PV_CONTROL_WARM_RESTART 0x3
#define PV_CONTROL_HALT 0x4
#define PV_CONTROL_REQUEST_SHUTDOWN 0x5
#define PV_MODE_IDLE 0x0
#define PV_MODE_COLD_START 0x1
#define PV_MODE_WARM_START 0x2
#define PV_MODE_NORMAL 0x3
#define PV_DIRECTION_SOURCE 0x0
#define PV_DIRECTION_DESTINATION 0x1
#define PV_MESSAGE_SAMPLING 0x0
#define PV_MESSAGE_QUEUING 0x1
#define PV_PARTITION_READY 0x0
#define PV_PARTITION_WAITING 0x1
#define PV_PARTITION_SUSPENDED 0x2
#define PV_PARTITION_ENDED 0x3
#define PV_PARTITION_HALTED 0x4
#define PV_MAY_STATUS 0x1
#define PV_MAY_CONTROL 0x2
#define PV_MAY_PLANS 0x4
#define PV_MAY_HEALTH_LOG 0x8
#define PV_HEALTH_EXCEPTION 0x0
#define PV_HEALTH_MEMORY_VIOLATION 0x1
#define PV_HEALTH_FRAME_FAULT 0x2
#define PV_HEALTH_ILLEGAL_CALLS 0x3
#define PV_HEALTH_WATCHDOG 0x4
#define PV_HEALTH_DEADLOCK 0x5
#define PV_HEALTH_APPLICATION_ERROR 0x6
#define PV_HEALTH_CONFIGURATION 0x7
#define PV_HEALTH_INCOMPATIBLE_ABI 0x8
#define PV_ACTION_IGNORE 0x0
#define PV_ACTION_LOG 0x1
#define PV_ACTION_PROPAGATE 0x2
#define PV_ACTION_COLD_RESTART 0x3
#define PV_ACTION_WARM_RESTART 0x4
#define PV_ACTION_HALT_PARTITION 0x5
#define PV_ACTION_SWITCH_PLAN 0x6
#define PV_ACTION_RESTART_SYSTEM 0x7
#define PV_ACTION_HALT_SYSTEM 0x8
#define PV_BINDING_NONE 0x0
#define PV_BINDING_INTERRUPT 0x1
#define PV_BINDING_SELF 0x2
#define PV_BINDING_LINE 0x3
#define PV_BINDING_CHANNEL 0x4
#define PV_BINDING_CHANNEL_SENDER 0x5
#define PV_BINDING_MESSAGE_PORT 0x6
#define PV_EVENT_PENDING 0x1
#define PV_EVENT_MASKED 0x2
#define PV_EVENT_IN_SERVICE 0x4
#define PV_TRAP_KEEP_MASK 0x1
#define PV_TRAP_USER 0x2
#define PV_MEMORY_RAM 0x1
#define PV_MEMORY_START_INFO 0x2
#define PV_MEMORY_SHARED_PAGE 0x3
#define PV_MEMORY_COUNT_PAGE 0x4
#define PV_MEMORY_HYPERCALL_PAGE 0x5
#define PV_MEMORY_BOOT_STACK 0x6
#define PV_MEMORY_SHARED_AREA 0x7
#define PV_MEMORY_BOOT_MODULE 0x8
#define PV_RIGHT_READ 0x1
#define PV_RIGHT_WRITE 0x2
#define PV_RIGHT_EXECUTE 0x4
#define PV_CONSOLE_OUTPUT 0x1
#define PV_CONSOLE_INPUT 0x2
#define PV_START_COLD 0x0
#define PV_START_WARM 0x1
#define PV_START_COLD_AFTER_HEALTH 0x2
#define PV_START_WARM_AFTER_HEALTH 0x3

/* Offsets in structures, and their lengths. */
#define PV_OFFSET_START_INFO_MAGIC 0x0
#define PV_OFFSET_START_INFO_ABI_VERSION 0x4
#define PV_OFFSET_START_INFO_SIZE_BYTES 0x8
#define PV_OFFSET_START_INFO_PARTITION_ID 0xc
#define PV_OFFSET_START_INFO_PARTITION_NAME 0x10
#define PV_OFFSET_START_INFO_MEMORY_MAP 0x30
#define PV_OFFSET_START_INFO_MEMORY_MAP_COUNT 0x34
#define PV_OFFSET_START_INFO_SHARED_PAGE 0x38
#define PV_OFFSET_START_INFO_COUNT_PAGE 0x3c
#define PV_OFFSET_START_INFO_HYPERCALL_PAGE 0x40
#define PV_OFFSET_START_INFO_CONSOLE 0x44
#define PV_OFFSET_START_INFO_CLOCK_RATE 0x48
#define PV_OFFSET_START_INFO_COMMAND_LINE 0x50
#define PV_OFFSET_START_INFO_COMMAND_LINE_LENGTH 0x54
#define PV_OFFSET_START_INFO_BOOT_MODULE 0x58
#define PV_OFFSET_START_INFO_BOOT_MODULE_LENGTH 0x5c
#define PV_OFFSET_START_INFO_START_CONDITION 0x60
#define PV_OFFSET_START_INFO_RESTART_COUNT 0x64
#define PV_SIZE_START_INFO 0x68
#define PV_OFFSET_MEMORY_MAP_ENTRY_BASE 0x0
#define PV_OFFSET_MEMORY_MAP_ENTRY_LENGTH 0x4
#define PV_OFFSET_MEMORY_MAP_ENTRY_KIND 0x8
#define PV_OFFSET_MEMORY_MAP_ENTRY_RIGHTS 0xc
#define PV_SIZE_MEMORY_MAP_ENTRY 0x10
#define PV_OFFSET_SHARED_PAGE_MASK 0x0
#define PV_OFFSET_SHARED_PAGE_UPCALL_PENDING 0x4
#define PV_OFFSET_SHARED_PAGE_SELECTOR 0x8
#define PV_OFFSET_SHARED_PAGE_CR2 0xc
#define PV_OFFSET_SHARED_PAGE_TIME_VERSION 0x10
#define PV_OFFSET_SHARED_PAGE_TIME_STAMP 0x18
#define PV_OFFSET_SHARED_PAGE_SYSTEM_TIME_NS 0x20
#define PV_OFFSET_SHARED_PAGE_TIME_MULTIPLIER 0x28
#define PV_OFFSET_SHARED_PAGE_TIME_SHIFT 0x2c
#define PV_OFFSET_SHARED_PAGE_CR0 0x30
#define PV_OFFSET_SHARED_PAGE_CR3 0x34
#define PV_OFFSET_SHARED_PAGE_CR4 0x38
#define PV_OFFSET_SHARED_PAGE_GDTR_BASE 0x3c
#define PV_OFFSET_SHARED_PAGE_GDTR_LIMIT 0x40
#define PV_OFFSET_SHARED_PAGE_IDTR_BASE 0x44
#define PV_OFFSET_SHARED_PAGE_IDTR_LIMIT 0x48
#define PV_OFFSET_SHARED_PAGE_LDTR 0x4c
#define PV_OFFSET_SHARED_PAGE_TR 0x50
#define PV_OFFSET_SHARED_PAGE_IOPL 0x54
#define PV_OFFSET_SHARED_PAGE_WINDOW_START_NS 0xc0
#define PV_OFFSET_SHARED_PAGE_WINDOW_END_NS 0xc8
#define PV_OFFSET_SHARED_PAGE_WINDOW_INDEX 0xd0
#define PV_OFFSET_SHARED_PAGE_WINDOW_PLAN 0xd4
#define PV_OFFSET_SHARED_PAGE_RUNNING_NS 0xd8
#define PV_OFFSET_SHARED_PAGE_WAITING_NS 0xe0
#define PV_OFFSET_SHARED_PAGE_AWAY_NS 0xe8
#define PV_OFFSET_SHARED_PAGE_TRAP_ENTERED 0xf0
#define PV_OFFSET_SHARED_PAGE_TRAP_VECTOR 0xf4
#define PV_OFFSET_SHARED_PAGE_TRAP_ERROR_CODE 0xf8
#define PV_OFFSET_SHARED_PAGE_TRAP_EIP 0xfc
#define PV_OFFSET_SHARED_PAGE_EVENT_PENDING 0x400
#define PV_OFFSET_SHARED_PAGE_EVENT_MASK 0x480
#define PV_SIZE_SHARED_PAGE 0x1000
#define PV_OFFSET_COUNT_PAGE_COUNT 0x0
#define PV_SIZE_COUNT_PAGE 0x1000
#define PV_OFFSET_TRAP_ENTRY_VECTOR 0x0
#define PV_OFFSET_TRAP_ENTRY_FLAGS 0x1
#define PV_OFFSET_TRAP_ENTRY_SELECTOR 0x2
#define PV_OFFSET_TRAP_ENTRY_ADDRESS 0x4
#define PV_SIZE_TRAP_ENTRY 0x8
#define PV_OFFSET_EVENT_STATUS_BINDING 0x0
#define PV_OFFSET_EVENT_STATUS_INTERRUPT 0x4
#define PV_OFFSET_EVENT_STATUS_STATE 0x8
#define PV_OFFSET_EVENT_STATUS_COUNT 0xc
#define PV_SIZE_EVENT_STATUS 0x10
#define PV_OFFSET_POLL_ENTRY_PORT 0x0
#define PV_SIZE_POLL_ENTRY 0x4
#define PV_OFFSET_WINDOW_INFO_NOW_NS 0x0
#define PV_OFFSET_WINDOW_INFO_WINDOW_START_NS 0x8
#define PV_OFFSET_WINDOW_INFO_WINDOW_END_NS 0x10
#define PV_OFFSET_WINDOW_INFO_FRAME_START_NS 0x18
#define PV_OFFSET_WINDOW_INFO_FRAME_NS 0x20
#define PV_OFFSET_WINDOW_INFO_FRAMES 0x28
#define PV_OFFSET_WINDOW_INFO_WINDOW 0x30
#define PV_OFFSET_WINDOW_INFO_PLAN 0x34
#define PV_OFFSET_WINDOW_INFO_NEXT_PLAN 0x38
#define PV_OFFSET_WINDOW_INFO_PLANS 0x3c
#define PV_SIZE_WINDOW_INFO 0x40
#define PV_OFFSET_PARTITION_STATUS_STATE 0x0
#define PV_OFFSET_PARTITION_STATUS_MODE 0x4
#define PV_OFFSET_PARTITION_STATUS_START_CONDITION 0x8
#define PV_OFFSET_PARTITION_STATUS_RESTART_COUNT 0xc
#define PV_OFFSET_PARTITION_STATUS_EXIT_CODE 0x10
#define PV_OFFSET_PARTITION_STATUS_RIGHTS 0x14
#define PV_OFFSET_PARTITION_STATUS_EXECUTED 0x18
#define PV_SIZE_PARTITION_STATUS 0x20
#define PV_OFFSET_HEALTH_ENTRY_TIME_NS 0x0
#define PV_OFFSET_HEALTH_ENTRY_SEQUENCE 0x8
#define PV_OFFSET_HEALTH_ENTRY_PARTITION 0xc
#define PV_OFFSET_HEALTH_ENTRY_EVENT 0x10
#define PV_OFFSET_HEALTH_ENTRY_ACTION 0x14
#define PV_OFFSET_HEALTH_ENTRY_DETAIL 0x18
#define PV_OFFSET_HEALTH_ENTRY_ADDRESS 0x1c
#define PV_OFFSET_HEALTH_ENTRY_MESSAGE_LENGTH 0x20
#define PV_OFFSET_HEALTH_ENTRY_MESSAGE 0x24
#define PV_SIZE_HEALTH_ENTRY 0x64
#define PV_OFFSET_MEMORY_PAGE_KIND 0x0
#define PV_OFFSET_MEMORY_PAGE_RIGHTS 0x4
#define PV_OFFSET_MEMORY_PAGE_SOURCE 0x8
#define PV_SIZE_MEMORY_PAGE 0xc
#define PV_OFFSET_SAMPLE_INFO_AGE_NS 0x0
#define PV_OFFSET_SAMPLE_INFO_LENGTH 0x8
#define PV_OFFSET_SAMPLE_INFO_VALID 0xc
#define PV_OFFSET_SAMPLE_INFO_IS_NEW 0x10
#define PV_OFFSET_SAMPLE_INFO_SEQUENCE 0x14
#define PV_SIZE_SAMPLE_INFO 0x18
#define PV_OFFSET_MESSAGE_PORT_STATUS_REFRESH_NS 0x0
#define PV_OFFSET_MESSAGE_PORT_STATUS_KIND 0x8
#define PV_OFFSET_MESSAGE_PORT_STATUS_DIRECTION 0xc
#define PV_OFFSET_MESSAGE_PORT_STATUS_MESSAGE_BYTES 0x10
#define PV_OFFSET_MESSAGE_PORT_STATUS_DEPTH 0x14
#define PV_OFFSET_MESSAGE_PORT_STATUS_MESSAGES 0x18
#define PV_OFFSET_MESSAGE_PORT_STATUS_VALID 0x1c
#define PV_SIZE_MESSAGE_PORT_STATUS 0x20

/* The note that every guest has: the version, and each call with the hash of its signature. */
.macro pv_abi_note
    .pushsection .note.paravane, "a", @note
    .balign 4
    .long 9, 512, PV_NOTE_ABI
    .asciz "Paravane"
    .balign 4
    .long PV_ABI_VERSION, 63
    .long 0x01, 0xc040117e /* event_bind_interrupt */
    .long 0x02, 0x5bbdefd8 /* event_bind_self */
    .long 0x03, 0x05ee09b7 /* event_unbind */
    .long 0x04, 0xe63b4c6f /* event_mask */
    .long 0x05, 0xcf16a95a /* event_unmask */
    .long 0x06, 0x83d95d25 /* event_send */
    .long 0x07, 0xfc71f086 /* event_status */
    .long 0x08, 0xf0a032b2 /* upcall_set_entry */
    .long 0x09, 0x95ba1333 /* event_bind_line */
    .long 0x0a, 0xe5292206 /* event_bind_channel */
    .long 0x0b, 0xfde98ef0 /* event_bind_vector */
    .long 0x0c, 0x4ea0e527 /* event_ack */
    .long 0x0d, 0x2377b764 /* event_set_priority */
    .long 0x0e, 0x6d11e6d9 /* event_bind_message_port */
    .long 0x10, 0xdf4b0a15 /* interrupts_set_level */
    .long 0x11, 0x314ec83d /* interrupts_get_level */
    .long 0x12, 0x3f210aa1 /* interrupts_flash */
    .long 0x13, 0x3e618ed8 /* iret */
    .long 0x20, 0x5017c3dc /* trap_set_table */
    .long 0x21, 0xbe39d561 /* trap_raise */
    .long 0x30, 0xee5dcd65 /* segment_set_base */
    .long 0x31, 0x19f12f80 /* register_get */
    .long 0x32, 0x414b798f /* register_set */
    .long 0x33, 0xc3489adf /* fpu_set_switched */
    .long 0x50, 0xbd7b1dc9 /* time_now */
    .long 0x51, 0x505a0e84 /* timer_set_one_shot */
    .long 0x52, 0x8d2d321b /* timer_set_periodic */
    .long 0x53, 0xcbcd8787 /* timer_cancel */
    .long 0x54, 0x5cea7e8f /* watchdog_set */
    .long 0x60, 0x3250a631 /* yield */
    .long 0x61, 0xcb3585e7 /* block */
    .long 0x62, 0x097754e6 /* shutdown */
    .long 0x63, 0x1429b32c /* window_info */
    .long 0x64, 0xd6dcb389 /* halt */
    .long 0x65, 0x7cdf993a /* poll */
    .long 0x66, 0xfceac0b8 /* plan_switch */
    .long 0x70, 0x4e06f2ca /* message_port_open */
    .long 0x71, 0x41ddda8d /* sampling_write */
    .long 0x72, 0x389603af /* sampling_read */
    .long 0x73, 0xd37f1464 /* queuing_send */
    .long 0x74, 0x373fad56 /* queuing_receive */
    .long 0x75, 0x93ed52c4 /* message_port_status */
    .long 0x76, 0x7d4704e1 /* message_port_clear */
    .long 0x77, 0xf1bd1a65 /* message_port_set_priority */
    .long 0x80, 0xd33dbf97 /* health_raise */
    .long 0x81, 0x1a9ff68b /* health_read */
    .long 0x82, 0x8ab5e7c4 /* health_acknowledge */
    .long 0x88, 0x6c1e54f2 /* partition_find */
    .long 0x89, 0x703c348f /* partition_status */
    .long 0x8a, 0x92633fc0 /* partition_control */
    .long 0x8b, 0xb1c6bc0d /* partition_set_mode */
    .long 0x90, 0x74d7a8f4 /* io_read */
    .long 0x91, 0x8c976f3c /* io_write */
    .long 0xa0, 0x3aa14b11 /* memory_protect */
    .long 0xa1, 0xd97e8a1f /* memory_map */
    .long 0xa2, 0x0d4c0293 /* memory_unmap */
    .long 0xa3, 0x99f9f5f2 /* memory_query */
    .long 0xa4, 0x93be397e /* shared_area_find */
    .long 0xd0, 0x81e1652d /* console_write */
    .long 0xd1, 0x131eefe1 /* console_read */
    .long 0xe0, 0x44982aa3 /* trace_mark */
    .long 0xe1, 0x4c7fb772 /* trace_start */
    .long 0xe2, 0xe41c8bda /* trace_stop */
    .popsection
.endm

/* Asks for memory beyond the segments: the guest is refused where there is less. */
.macro pv_memory_note stack_bytes, work_area_bytes
    .pushsection .note.paravane, "a", @note
    .balign 4
    .long 9, 8, PV_NOTE_MEMORY
    .asciz "Paravane"
    .balign 4
    .long \stack_bytes, \work_area_bytes
    .popsection
.endm

#endif
