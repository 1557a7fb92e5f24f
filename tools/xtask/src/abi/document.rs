//! `docs/ABI.md`: prose from `document.md`, with the tables of the ABI's source in it.

use std::fmt::Write;

use hypervisor_core::abi::{
    ArgumentDescription, ArgumentKind, CALLS, CLAUSE_FAMILIES, CLAUSES, CONSTANTS, CallDescription,
    ENUMERATIONS, ERRORS, FieldKind, Group, ResultKind, SENSITIVE, STRUCTS, SensitiveInstruction, ShownBy,
};

const REGISTERS: [&str; 5] = ["EBX", "ECX", "EDX", "ESI", "EDI"];

/// The whole document.
pub fn write() -> String {
    let prose = include_str!("document.md");
    [
        ("{{constants}}", constants()),
        ("{{errors}}", errors()),
        ("{{values}}", values()),
        ("{{structures}}", structures()),
        ("{{groups}}", groups()),
        ("{{calls}}", calls()),
        ("{{clauses}}", clauses()),
        ("{{sensitive}}", sensitive()),
    ]
    .iter()
    .fold(prose.to_owned(), |text, (place, tables)| text.replace(place, tables.trim_end()))
}

fn constants() -> String {
    let mut text = String::from("| name | value | meaning |\n| --- | --- | --- |\n");
    for constant in CONSTANTS {
        let _ = writeln!(
            text,
            "| `PV_{}` | {} | {} |",
            constant.name,
            hexadecimal(constant.value),
            constant.documentation
        );
    }
    text
}

fn errors() -> String {
    let mut text = String::from("| EAX | name | meaning |\n| --- | --- | --- |\n");
    for error in ERRORS {
        let _ = writeln!(text, "| {} | `{}` | {} |", error.error as i32, error.name, error.documentation);
    }
    text
}

fn values() -> String {
    let mut text = String::new();
    for enumeration in ENUMERATIONS {
        let _ = writeln!(
            text,
            "{}\n\n| name | value | meaning |\n| --- | --- | --- |",
            enumeration.documentation
        );
        for value in enumeration.values {
            let name = format!("{}_{}", enumeration.name, value.name).to_uppercase();
            let _ = writeln!(text, "| `PV_{name}` | {} | {} |", value.value, value.documentation);
        }
        text.push('\n');
    }
    text
}

fn structures() -> String {
    let mut text = String::new();
    for structure in STRUCTS {
        let _ = writeln!(
            text,
            "### `pv_{}`: {} bytes\n\n{}\n",
            structure.name, structure.size_bytes, structure.documentation
        );
        text.push_str("| offset | type | name | meaning |\n| --- | --- | --- | --- |\n");
        for field in structure.fields {
            let kind = match field.kind {
                FieldKind::U8 => "u8".to_owned(),
                FieldKind::U16 => "u16".to_owned(),
                FieldKind::U32 => "u32".to_owned(),
                FieldKind::U64 => "u64".to_owned(),
                FieldKind::Text(bytes) => format!("text, {bytes} bytes"),
                FieldKind::Words(words) => format!("u32 × {words}"),
                FieldKind::Reserved(bytes) => format!("{bytes} bytes"),
            };
            let name = if matches!(field.kind, FieldKind::Reserved(_)) {
                "(reserved)".to_owned()
            } else {
                format!("`{}`", field.name)
            };
            let _ = writeln!(text, "| +{} | {kind} | {name} | {} |", field.offset, cell(field.documentation));
        }
        text.push('\n');
    }
    text
}

/// Text for a cell of a table, whose columns end at a bar.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn sensitive() -> String {
    let mut text =
        String::from("| instruction | here | if settled | in its place |\n| --- | --- | --- | --- |\n");
    for instruction in SENSITIVE {
        let SensitiveInstruction { name, reflect, settle, instead, .. } = instruction;
        let settle = settle.unwrap_or("the same");
        let _ = writeln!(text, "| {name} | {reflect} | {settle} | {instead} |");
    }
    text
}

fn groups() -> String {
    let mut text = String::from("| numbers | group |\n| --- | --- |\n");
    for group in Group::ALL {
        let (first, last) = group.numbers();
        let _ = writeln!(text, "| {first:02X}h to {last:02X}h | {} |", group.title());
    }
    text
}

fn clauses() -> String {
    let mut text = String::new();
    for (letter, title) in CLAUSE_FAMILIES {
        let _ = writeln!(text, "### {letter}: {title}\n\n| clause | what holds |\n| --- | --- |");
        for clause in CLAUSES.iter().filter(|clause| clause.id.starts_with(*letter)) {
            let mark = if clause.shown_by == ShownBy::Observer { " *" } else { "" };
            let _ = writeln!(text, "| {}{mark} | {} |", clause.id, clause.text);
        }
        text.push('\n');
    }
    text
}

fn calls() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        let _ = writeln!(text, "### {}\n", group.title());
        for call in CALLS.iter().filter(|call| call.group == group) {
            write_call(&mut text, call);
        }
    }
    text
}

fn write_call(text: &mut String, call: &CallDescription) {
    let arguments: Vec<&str> = call.arguments.iter().map(|argument| argument.name).collect();
    let _ = writeln!(text, "#### {:02X}h `{}({})`\n", call.number, call.name, arguments.join(", "));
    for line in call.documentation {
        let _ = writeln!(text, "{}", line.trim());
    }
    text.push_str("\n- **Who may:** every partition.\n");
    let mut next_register = 0;
    for argument in call.arguments {
        let registers = &REGISTERS[next_register..next_register + argument.kind.registers()];
        next_register += registers.len();
        let _ = writeln!(text, "- {}", describe(argument, registers));
    }
    let result = match call.result {
        ResultKind::Zero => "0.",
        ResultKind::Bytes => "a number of bytes.",
        ResultKind::Number => "a number, 0 or more.",
        ResultKind::Level => "200h if upcalls were enabled, 0 if they were masked.",
        ResultKind::Selector => "a selector.",
        ResultKind::Never => "the call does not return.",
    };
    let _ = writeln!(text, "- **Result:** {result}");
    let errors: Vec<String> = call.errors.iter().map(|error| format!("`{}`", error.name())).collect();
    let errors = if errors.is_empty() { "none".to_owned() } else { errors.join(", ") };
    let _ = writeln!(text, "- **Errors:** {errors}.");
    let _ = writeln!(text, "- **Hash of the signature:** {:08x}h.\n", call.signature_hash());
}

fn describe(argument: &ArgumentDescription, registers: &[&str]) -> String {
    let kind = match argument.kind {
        ArgumentKind::Integer | ArgumentKind::Hexadecimal => "u32".to_owned(),
        ArgumentKind::Integer64 => "u64, low half first".to_owned(),
        ArgumentKind::Enumeration(enumeration) => {
            let names: Vec<String> =
                enumeration.values.iter().map(|value| format!("{} {}", value.value, value.name)).collect();
            names.join(", ")
        }
        ArgumentKind::Port => "port, 0 to 1023".to_owned(),
        ArgumentKind::Level => "level".to_owned(),
        ArgumentKind::Code => "address of code or 0".to_owned(),
        ArgumentKind::PageAddress => "address; a multiple of 4096".to_owned(),
        ArgumentKind::Pages => {
            "address and length in bytes; multiples of 4096, and the length not 0".to_owned()
        }
        ArgumentKind::BytesFromGuest => {
            "address and length of bytes that are read; at most 7FFFFFFFh".to_owned()
        }
        ArgumentKind::BytesToGuest => {
            "address and length of bytes that are written; at most 7FFFFFFFh".to_owned()
        }
        ArgumentKind::ArrayFromGuest(element) => {
            format!("address and number of `pv_{}`, at most 256; aligned to 4", element.name)
        }
        ArgumentKind::StructToGuest(structure) => {
            format!("address of a `pv_{}` that is written; aligned to 4", structure.name)
        }
        ArgumentKind::IntegerToGuest(bytes) => {
            format!("address of a u{} that is written; aligned to 4", bytes * 8)
        }
    };
    format!("**{}** `{}` ({kind}): {}", registers.join(", "), argument.name, argument.documentation.trim())
}

fn hexadecimal(value: u32) -> String {
    if value < 10 { value.to_string() } else { format!("{value:X}h") }
}
