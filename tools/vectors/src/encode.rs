//! Writes a case as a line, with its answer if that is known.

use crate::answer::{write_change, write_fpu, write_ram, write_registers, write_sse};
use crate::format::{Case, Expected, Undefined};
use crate::registers::NAMES;
use std::fmt::Write;

impl Case {
    /// Appends the case as one line.
    pub fn write_to(&self, text: &mut String) {
        // Writing to a string does not fail.
        let name = serde_json::Value::from(self.name.as_str());
        let group = serde_json::Value::from(self.group.as_str());
        let _ = write!(text, "{{\"id\":{},\"group\":{group},\"name\":{name},\"bytes\":[", self.id);
        for (index, byte) in self.code().iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            let _ = write!(text, "{separator}{byte}");
        }
        let _ = write!(text, "],\"steps\":{},\"initial\":{{\"regs\":{{", self.steps);
        write_registers(text, &self.initial.regs);
        text.push_str("},\"ram\":[");
        write_ram(text, &self.initial.ram);
        text.push(']');
        if let Some(fpu) = &self.initial.fpu {
            write_fpu(text, fpu);
        }
        if let Some(sse) = &self.initial.sse {
            write_sse(text, sse);
        }
        text.push('}');
        if let Some(expected) = &self.expected {
            write_expected(text, expected);
        }
        text.push_str("}\n");
    }
}

fn write_expected(text: &mut String, expected: &Expected) {
    text.push_str(",\"final\":{");
    write_change(text, &expected.change);
    text.push('}');
    if let Some(exception) = expected.exception {
        exception.write_to(text);
    }
    if expected.undefined != Undefined::default() {
        text.push_str(",\"undefined\":{");
        write_undefined(text, &expected.undefined);
        text.push('}');
    }
}

fn write_undefined(text: &mut String, undefined: &Undefined) {
    let mut separator = "";
    let registers = NAMES.iter().copied().zip(undefined.registers);
    for (name, mask) in registers.chain([("sw", undefined.sw)]).filter(|(_, mask)| *mask != 0) {
        let _ = write!(text, "{separator}\"{name}\":{mask}");
        separator = ",";
    }
    if !undefined.ram.is_empty() {
        let ram: Vec<_> =
            undefined.ram.iter().map(|(address, length)| format!("[{address},{length}]")).collect();
        let _ = write!(text, "{separator}\"ram\":[{}]", ram.join(","));
    }
}
