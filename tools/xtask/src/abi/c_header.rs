//! `paravane.h`: the ABI for guests in C.

use std::fmt::Write;

use hypervisor_core::abi::{
    CALLS, CONSTANTS, ENUMERATIONS, ERRORS, FieldDescription, FieldKind, NOTE_NAME, STRUCTS,
    StructDescription,
};

const INTRODUCTION: &str = "\
/* The guest ABI of Paravane for C: numbers and structures. docs/ABI.md says what they mean.
   Written by `cargo xtask abi` from hypervisor-core/src/abi; do not edit. */
#ifndef PARAVANE_H
#define PARAVANE_H

#include <stddef.h>
#include <stdint.h>
";

/// The whole header.
pub fn write() -> String {
    let mut text = INTRODUCTION.to_owned();
    section(&mut text, "Constants");
    for constant in CONSTANTS {
        define(&mut text, constant.name, &format!("0x{:x}u", constant.value), constant.documentation);
    }
    define(&mut text, "NOTE_NAME", &format!("\"{NOTE_NAME}\""), "Owner of the ELF notes.");
    section(&mut text, "Numbers of the calls");
    for call in CALLS {
        let name = format!("CALL_{}", call.name.to_uppercase());
        define(&mut text, &name, &format!("0x{:02x}u", call.number), &summary(call.documentation));
    }
    section(&mut text, "Errors: a negative result");
    for error in ERRORS {
        let name = format!("ERROR_{}", error.name.to_uppercase());
        define(&mut text, &name, &format!("(-{})", (error.error as i32).unsigned_abs()), error.documentation);
    }
    for enumeration in ENUMERATIONS {
        section(&mut text, enumeration.documentation.trim_end_matches('.'));
        for value in enumeration.values {
            let name = format!("{}_{}", enumeration.name, value.name).to_uppercase();
            define(&mut text, &name, &format!("{}u", value.value), value.documentation);
        }
    }
    for structure in STRUCTS {
        write_struct(&mut text, structure);
    }
    text.push_str("\n#endif\n");
    text
}

fn section(text: &mut String, title: &str) {
    let _ = write!(text, "\n/* {title}. */\n");
}

fn define(text: &mut String, name: &str, value: &str, documentation: &str) {
    let _ = writeln!(text, "#define PV_{name} {value} /* {documentation} */");
}

/// The first sentence of a call's documentation.
pub fn summary(documentation: &[&str]) -> String {
    let text: Vec<&str> = documentation.iter().map(|line| line.trim()).collect();
    let text = text.join(" ");
    text.split_once(". ").map_or(text.clone(), |(first, _)| format!("{first}."))
}

fn write_struct(text: &mut String, structure: &StructDescription) {
    section(text, structure.documentation.trim_end_matches('.'));
    let name = structure.name;
    let _ = writeln!(text, "struct pv_{name} {{");
    for field in structure.fields {
        let _ =
            writeln!(text, "    {}; /* +{}: {} */", declaration(field), field.offset, field.documentation);
    }
    let _ = writeln!(text, "}};");
    let _ = writeln!(
        text,
        "_Static_assert(sizeof(struct pv_{name}) == {}, \"pv_{name}\");",
        structure.size_bytes
    );
    for field in structure.fields {
        let _ = writeln!(
            text,
            "_Static_assert(offsetof(struct pv_{name}, {field}) == {offset}, \"pv_{name}.{field}\");",
            field = field.name,
            offset = field.offset
        );
    }
}

fn declaration(field: &FieldDescription) -> String {
    let name = field.name;
    match field.kind {
        FieldKind::U8 => format!("uint8_t {name}"),
        FieldKind::U16 => format!("uint16_t {name}"),
        FieldKind::U32 => format!("uint32_t {name}"),
        // Packed only to keep the alignment at 4 under compilers for which 8 is natural.
        FieldKind::U64 => format!("uint64_t {name} __attribute__((packed, aligned(4)))"),
        FieldKind::Text(bytes) => format!("char {name}[{bytes}]"),
        FieldKind::Words(words) => format!("uint32_t {name}[{words}]"),
        FieldKind::Reserved(bytes) => format!("uint8_t {name}[{bytes}]"),
    }
}
