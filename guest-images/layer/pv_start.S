/* Where the host enters the guest: the start, upcalls and traps. And the ELF note that says which ABI this is.
   C does the rest, in pv.c. */
#include "paravane_asm.h"

    .file "pv_start.S"
    pv_abi_note
    .section .note.GNU-stack, "", @progbits

    .text

/* EAX is the magic number, EBX start info, ESP the boot stack. */
    .globl _start
    .type _start, @function
_start:
    xorl %ebp, %ebp
    pushl %ebx
    pushl %eax
    call pv_begin
    .size _start, . - _start

/* [ESP] = EIP, CS, EFLAGS. The handlers may switch stacks, so that another frame is returned from. */
    .globl pv_upcall_entry
    .type pv_upcall_entry, @function
pv_upcall_entry:
    pushal
    cld
    call pv_dispatch_events
    popal
    jmp *pv_iret_stub
    .size pv_upcall_entry, . - pv_upcall_entry

/* One entry for each vector, 16 bytes apart. The processor pushes an error code for some vectors; the others get a 0,
   so that all frames look alike. */
    .balign 16
    .globl pv_trap_entries
    .type pv_trap_entries, @function
pv_trap_entries:
    .set vector, 0
    .rept 48
    .balign 16
    .if vector != 8 && (vector < 10 || vector > 14) && vector != 17
    pushl $0
    .endif
    pushl $vector
    jmp pv_trap_common
    .set vector, vector + 1
    .endr
    .size pv_trap_entries, . - pv_trap_entries

/* Builds a pv_trap_frame, and leaves through what the handler has made of it. */
    .type pv_trap_common, @function
pv_trap_common:
    pushal
    cld
    pushl %esp
    call pv_dispatch_trap
    addl $4, %esp
    popal
    addl $8, %esp
    jmp *pv_iret_stub
    .size pv_trap_common, . - pv_trap_common
