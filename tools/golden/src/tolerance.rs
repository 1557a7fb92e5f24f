//! What is tolerated, while a case runs: what the ladder and the events leave out, and how often that happened.

use crate::tolerate::{Order, Tolerate, ValueRule};
use emulator::Step;
use emulator::decode::{disassemble, flag_use};
use hypervisor_core::Stamp;
use hypervisor_core::loader::SymbolKind;
use recording::words::extent;
use std::collections::BTreeMap;
use system_file::quantities::grouped;
use trace::TracedSystem;

/// So many encodings of instructions are remembered.
const ENCODINGS_MOST: usize = 1 << 16;

/// A tolerance, and what it was good for in a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tolerated {
    /// As it stands in the case file.
    pub rule: String,
    /// What was tolerated, in words; None if there was nothing.
    pub what: Option<String>,
}

/// Registers and flags that are left out of a comparison: a bit for each register, and bits of EFLAGS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Masks {
    pub registers: u8,
    pub flags: u32,
}

/// Applies what a case tolerates to a run.
pub struct Tolerance {
    tolerate: Tolerate,
    always: Masks,
    /// Of each partition the flags that no instruction has written since one after which they may differ.
    undefined: Vec<u32>,
    /// Of the rules that begin with an instruction, which of them an encoding is the instruction of: a bit for each.
    begins: BTreeMap<Box<[u8]>, u64>,
    has_after: bool,
    /// Of each partition: first and last address, and which rule.
    elided: Vec<Vec<(u32, u32, usize)>>,
    register_uses: Vec<u64>,
    value_uses: Vec<u64>,
    elide_uses: Vec<u64>,
}

impl Tolerance {
    pub fn new(tolerate: &Tolerate, traced: &TracedSystem) -> Self {
        let mut always = Masks::default();
        for rule in tolerate.registers.iter().filter(|rule| rule.after.is_none()) {
            always.registers |= rule.registers;
            always.flags |= rule.flags;
        }
        Self {
            always,
            undefined: vec![0; traced.partitions.len()],
            begins: BTreeMap::new(),
            has_after: tolerate.registers.iter().any(|rule| rule.after.is_some()),
            elided: elided(&tolerate.elide, traced),
            register_uses: vec![0; tolerate.registers.len()],
            value_uses: vec![0; tolerate.values.len()],
            elide_uses: vec![0; tolerate.elide.len()],
            tolerate: tolerate.clone(),
        }
    }

    /// Whether the instant of an instruction is compared. It depends on what ran before, also on what is left out.
    pub fn has_instants(&self) -> bool {
        self.tolerate.elide.is_empty() && self.tolerate.order == Order::Total
    }

    /// Whether an instruction may be left out, or a part of the state after one.
    pub fn concerns_instructions(&self) -> bool {
        !self.tolerate.elide.is_empty() || !self.tolerate.registers.is_empty()
    }

    /// Whether an instruction is in a function that is left out.
    pub fn elides(&mut self, stamp: Stamp, step: &Step<'_>) -> bool {
        let ranges = &self.elided[stamp.partition.index()];
        let holds = |(first, last, _): &&(u32, u32, usize)| (*first..=*last).contains(&step.eip);
        let Some((.., rule)) = ranges.iter().find(holds) else { return false };
        self.elide_uses[*rule] += 1;
        true
    }

    /// What of the state after an instruction is not compared.
    pub fn masks(&mut self, stamp: Stamp, step: &Step<'_>) -> Masks {
        if self.tolerate.registers.is_empty() {
            return Masks::default();
        }
        let undefined = if self.has_after { self.undefined_after(stamp, step) } else { 0 };
        let changed_flags = step.eflags_before ^ step.after.eflags;
        let changes = |register: usize| step.registers_before[register] != step.after.registers[register];
        for (rule, uses) in self.tolerate.registers.iter().zip(&mut self.register_uses) {
            let is_changed = (0..8).any(|register| rule.registers >> register & 1 != 0 && changes(register))
                || rule.flags & changed_flags != 0;
            if rule.after.is_none() && is_changed {
                *uses += 1;
            }
        }
        Masks { flags: self.always.flags | undefined, ..self.always }
    }

    fn undefined_after(&mut self, stamp: Stamp, step: &Step<'_>) -> u32 {
        let begins = self.beginning(step);
        let undefined = &mut self.undefined[stamp.partition.index()];
        if *undefined != 0 {
            let mut before = step.after.clone();
            (before.registers, before.eflags, before.eip) =
                (*step.registers_before, step.eflags_before, step.eip);
            *undefined &= !flag_use(step.bytes, &before).written;
        }
        for (place, rule) in self.tolerate.registers.iter().enumerate() {
            if begins >> place & 1 != 0 {
                *undefined |= rule.flags;
                self.register_uses[place] += 1;
            }
        }
        *undefined
    }

    /// The rules that an instruction begins.
    fn beginning(&mut self, step: &Step<'_>) -> u64 {
        if let Some(known) = self.begins.get(step.bytes) {
            return *known;
        }
        let text = disassemble(step.bytes, step.eip).text;
        let is_prefix = |word: &&str| matches!(*word, "lock" | "rep" | "repe" | "repne");
        let mnemonic = text.split(' ').find(|word| !is_prefix(word)).unwrap_or_default();
        let rules = self.tolerate.registers.iter().enumerate().take(64);
        let begins = rules
            .filter(|(_, rule)| rule.after.as_deref() == Some(mnemonic))
            .fold(0, |begins, (place, _)| begins | 1 << place);
        if self.begins.len() >= ENCODINGS_MOST {
            self.begins.clear();
        }
        self.begins.insert(step.bytes.into(), begins);
        begins
    }

    /// A line of the events, with what stands in place of tolerated values.
    pub fn line(&mut self, mut line: String) -> String {
        for (rule, uses) in self.tolerate.values.iter().zip(&mut self.value_uses) {
            if let Some(other) = without_value(&line, rule) {
                *uses += 1;
                line = other;
            }
        }
        line
    }

    /// What was tolerated. `is_interleaved` says whether more than one partition has events.
    pub fn finish(self, is_interleaved: bool) -> Vec<Tolerated> {
        let counted = |count: u64, what: &str| {
            let plural = if count == 1 { "" } else { "s" };
            (count > 0).then(|| format!("{} {what}{plural}", grouped(count)))
        };
        let Tolerate { registers, values, elide, order, verdict: _ } = self.tolerate;
        let mut all = Vec::new();
        for (rule, uses) in registers.into_iter().zip(self.register_uses) {
            let what = if rule.after.is_some() { "such instruction" } else { "change" };
            all.push(Tolerated { rule: format!("registers {}", rule.text), what: counted(uses, what) });
        }
        for (rule, uses) in values.into_iter().zip(self.value_uses) {
            let text = format!("values {}.{} as {}", rule.call, rule.field, rule.shown);
            all.push(Tolerated { rule: text, what: counted(uses, "value") });
        }
        for (rule, uses) in elide.into_iter().zip(self.elide_uses) {
            let what = (uses > 0).then(|| format!("elided n={uses}"));
            all.push(Tolerated { rule: format!("elide {rule}"), what });
        }
        if order == Order::PerPartition {
            let what = is_interleaved.then(|| "each partition is compared by itself".to_owned());
            all.push(Tolerated { rule: "order per-partition".to_owned(), what });
        }
        all
    }
}

/// The functions that are left out, by partition.
fn elided(patterns: &[String], traced: &TracedSystem) -> Vec<Vec<(u32, u32, usize)>> {
    let of = |partition: &trace::TracedPartition| {
        let mut ranges = Vec::new();
        for (rule, pattern) in patterns.iter().enumerate() {
            let pattern = match pattern.split_once(':').filter(|_| traced.is_system) {
                Some((name, _)) if name != partition.name => continue,
                Some((_, pattern)) => pattern,
                None => pattern,
            };
            let symbols = partition.symbols.all().iter().filter(|symbol| symbol.kind == SymbolKind::Function);
            for symbol in symbols.filter(|symbol| matches(pattern, &symbol.name)) {
                let (first, last) = extent(&partition.symbols, symbol);
                ranges.push((first, last, rule));
            }
        }
        ranges
    };
    traced.partitions.iter().map(of).collect()
}

/// Whether a name is what a pattern describes, in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let mut rest = rest;
    while let Some((middle, after)) = rest.split_once('*') {
        let Some(at) = name.find(middle) else { return false };
        (name, rest) = (&name[at + middle.len()..], after);
    }
    name.ends_with(rest)
}

/// The line of a call without the value of a field; None if it is another line.
fn without_value(line: &str, rule: &ValueRule) -> Option<String> {
    let (name, rest) = line.strip_prefix("call ")?.trim_start().split_once('(')?;
    if name != rule.call {
        return None;
    }
    let (call, from) = rest.rsplit_once("  from ")?;
    let (arguments, result) = match call.rsplit_once(") = ") {
        Some((arguments, result)) => (arguments, Some(result)),
        None => (call.strip_suffix(')')?, None),
    };
    let kept = || result.map(|result| format!(" = {result}")).unwrap_or_default();
    if rule.field == "result" {
        result?;
        return Some(format!("call    {name}({arguments}) = {}  from {from}", rule.shown));
    }
    let mut is_there = false;
    let arguments: Vec<String> = arguments
        .split(", ")
        .enumerate()
        .map(|(place, argument)| match argument.split_once('=') {
            Some((field, _)) if field == rule.field => {
                is_there = true;
                format!("{field}={}", rule.shown)
            }
            None if rule.field == (place + 1).to_string() => {
                is_there = true;
                rule.shown.clone()
            }
            _ => argument.to_owned(),
        })
        .collect();
    is_there.then(|| format!("call    {name}({}){}  from {from}", arguments.join(", "), kept()))
}

#[cfg(test)]
mod tests {
    use super::{Masks, Tolerance, matches, without_value};
    use crate::case_file::CaseFile;
    use crate::tolerate::ValueRule;
    use emulator::cpu::Tls;
    use emulator::{Cpu, DescriptorTable, Step, flags};
    use hypervisor_core::Stamp;
    use hypervisor_core::clock::Rate;
    use std::sync::Arc;
    use trace::TracedSystem;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, does) in [
            ("idle", "idle", true),
            ("idle", "idle2", false),
            ("_CPU_Idle*", "_CPU_Idle_thread_body", true),
            ("*_isr", "tick_isr", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "acb", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), does, "{pattern} {name}");
        }
    }

    #[test]
    fn a_flag_may_differ_until_another_instruction_writes_it() {
        let tolerate =
            CaseFile::read("schema = 1\nrun = 'a'\n[tolerate]\nregisters = ['AF@after:shl', 'edx']").unwrap();
        let traced = TracedSystem {
            is_system: false,
            rate: Rate::default(),
            names: Arc::default(),
            partitions: vec![],
        };
        let mut tolerance = Tolerance::new(&tolerate.tolerate, &traced);
        tolerance.undefined = vec![0];
        let after = Cpu::ring3(DescriptorTable::ring3(Tls::Present));
        let (shl, nop, adc) = (&[0xc1, 0xe0, 4][..], &[0x90][..], &[0x11, 0xc0][..]);
        for (bytes, flags) in [(nop, 0), (shl, flags::AF), (nop, flags::AF), (adc, 0), (nop, 0)] {
            let step = Step {
                eip: 0,
                bytes,
                registers_before: &[0; 8],
                eflags_before: 2,
                after: &after,
                accesses: &[],
            };
            let masks = tolerance.masks(Stamp::default(), &step);
            assert_eq!(masks, Masks { registers: 1 << 2, flags }, "{bytes:x?}");
        }
        assert_eq!(tolerance.register_uses, [1, 0]);
    }

    #[test]
    fn only_the_value_of_the_field_is_replaced() {
        let rule = |call: &str, field: &str| ValueRule {
            call: call.to_owned(),
            field: field.to_owned(),
            shown: "<any>".to_owned(),
        };
        let line = "call    console_write(bytes=5 at main+0x8) = 5  from main+0x4";
        for (field, expected) in [
            ("bytes", Some("call    console_write(bytes=<any>) = 5  from main+0x4")),
            ("result", Some("call    console_write(bytes=5 at main+0x8) = <any>  from main+0x4")),
            ("other", None),
        ] {
            assert_eq!(without_value(line, &rule("console_write", field)).as_deref(), expected, "{field}");
        }
        assert_eq!(without_value(line, &rule("console", "bytes")), None);
        let linux = "call    write(1, 5 at main+0x8) = 5  from main+0x4";
        let expected = "call    write(1, <any>) = 5  from main+0x4";
        assert_eq!(without_value(linux, &rule("write", "2")).as_deref(), Some(expected));
        let last = "call    shutdown(code=0)  from main+0x4";
        assert_eq!(without_value(last, &rule("shutdown", "result")), None);
        let expected = "call    shutdown(code=<any>)  from main+0x4";
        assert_eq!(without_value(last, &rule("shutdown", "code")).as_deref(), Some(expected));
    }
}
