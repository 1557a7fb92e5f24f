//! `paravane_asm.h`: the ABI for guests in assembler, and the ELF notes.

use std::fmt::Write;

use hypervisor_core::abi::{CALLS, CONSTANTS, ENUMERATIONS, ERRORS, FieldKind, NOTE_NAME, STRUCTS, own_note};

const INTRODUCTION: &str = "\
/* The guest ABI of Paravane for the assembler (GNU as, through the C preprocessor): numbers, offsets, ELF notes.
   docs/ABI.md says what they mean. Written by `cargo xtask abi` from hypervisor-core/src/abi; do not edit. */
#ifndef PARAVANE_ASM_H
#define PARAVANE_ASM_H

";

/// The whole header.
pub fn write() -> String {
    let mut text = INTRODUCTION.to_owned();
    for constant in CONSTANTS {
        define(&mut text, constant.name, constant.value);
    }
    text.push('\n');
    for call in CALLS {
        define(&mut text, &format!("CALL_{}", call.name.to_uppercase()), call.number);
    }
    text.push('\n');
    for error in ERRORS {
        let number = (error.error as i32).unsigned_abs();
        let _ = writeln!(text, "#define PV_ERROR_{} -{number}", error.name.to_uppercase());
    }
    text.push('\n');
    for enumeration in ENUMERATIONS {
        for value in enumeration.values {
            define(&mut text, &format!("{}_{}", enumeration.name, value.name).to_uppercase(), value.value);
        }
    }
    text.push_str("\n/* Offsets in structures, and their lengths. */\n");
    for structure in STRUCTS {
        let name = structure.name.to_uppercase();
        for field in structure.fields {
            if !matches!(field.kind, FieldKind::Reserved(_)) {
                define(&mut text, &format!("OFFSET_{name}_{}", field.name.to_uppercase()), field.offset);
            }
        }
        define(&mut text, &format!("SIZE_{name}"), structure.size_bytes);
    }
    write_notes(&mut text);
    text.push_str("\n#endif\n");
    text
}

fn define(text: &mut String, name: &str, value: u32) {
    let _ = writeln!(text, "#define PV_{name} 0x{value:x}");
}

fn write_notes(text: &mut String) {
    let note = own_note();
    let name_bytes = NOTE_NAME.len() + 1;
    let header = |length: usize, kind: &str| {
        format!(
            "    .pushsection .note.paravane, \"a\", @note\n    .balign 4\n    .long {name_bytes}, {length}, {kind}\n    \
             .asciz \"{NOTE_NAME}\"\n    .balign 4\n"
        )
    };
    text.push_str(
        "\n/* The note that every guest has: the version, and each call with the hash of its signature. */\n",
    );
    text.push_str(".macro pv_abi_note\n");
    text.push_str(&header(note.to_bytes().len(), "PV_NOTE_ABI"));
    let _ = writeln!(text, "    .long PV_ABI_VERSION, {}", note.calls.len());
    for (call, (number, hash)) in CALLS.iter().zip(&note.calls) {
        let _ = writeln!(text, "    .long 0x{number:02x}, 0x{hash:08x} /* {} */", call.name);
    }
    text.push_str("    .popsection\n.endm\n");
    text.push_str("\n/* Asks for memory beyond the segments: the guest is refused where there is less. */\n");
    text.push_str(".macro pv_memory_note stack_bytes, work_area_bytes\n");
    text.push_str(&header(8, "PV_NOTE_MEMORY"));
    text.push_str("    .long \\stack_bytes, \\work_area_bytes\n    .popsection\n.endm\n");
}
