//! `[tolerate]` of a case file: what may differ without a failure. Whatever is tolerated is told of in the report.
//!
//! Not here: how it is left out of a comparison, which is in `tolerance`.

use crate::case_file::{list, quoted};
use emulator::cpu::REGISTER_NAMES;
use hypervisor_core::abi::CALLS;
use serde::Deserialize;
use std::fmt::Write;
use system_file::suggestion::{listed, nearest};
use trace::FLAGS;

/// The values of a verdict that can be tolerated.
pub const VERDICT_VALUES: [&str; 5] = ["executed", "recorded", "events", "virtual_ns", "state"];

/// More rules about registers are not told apart while a case runs.
const RULES_MOST: usize = 64;

/// What may differ.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tolerate {
    /// Registers and flags, in the ladder.
    pub registers: Vec<RegisterRule>,
    /// Values of hypercalls, in the events.
    pub values: Vec<ValueRule>,
    /// Functions whose instructions the ladder leaves out; `*` stands for any text, and of a system the partition before `:`.
    pub elide: Vec<String>,
    /// Whether events and console lines of different partitions may come in another order.
    pub order: Order,
    /// Values of the verdict: some of `VERDICT_VALUES`.
    pub verdict: Vec<String>,
}

/// In which order events and console lines are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// As they happened.
    #[default]
    Total,
    /// Those of each partition as they happened.
    PerPartition,
}

/// A register or a flag that may differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisterRule {
    /// As it stands in the file: `edx`, `AF`, `AF@after:shl`.
    pub text: String,
    /// A bit for each general register.
    pub registers: u8,
    /// Bits of EFLAGS.
    pub flags: u32,
    /// Only after this instruction, until another one writes the flag.
    pub after: Option<String>,
}

/// A value of a hypercall that may differ.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueRule {
    /// The name of the call.
    pub call: String,
    /// The name of an argument, or `result`.
    pub field: String,
    /// What stands in its place.
    #[serde(rename = "as")]
    pub shown: String,
}

/// As it stands in the file.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct Raw {
    #[serde(default)]
    registers: Vec<String>,
    #[serde(default)]
    values: Vec<ValueRule>,
    #[serde(default)]
    elide: Vec<String>,
    order: Option<String>,
    #[serde(default)]
    verdict: Vec<String>,
}

impl Raw {
    /// What it says.
    pub fn read(self) -> Result<Tolerate, String> {
        let order = match self.order.as_deref() {
            None | Some("total") => Order::Total,
            Some("per-partition") => Order::PerPartition,
            Some(other) => {
                return Err(format!("`tolerate.order` is `{other}`: write one of total, per-partition"));
            }
        };
        if let Some(wrong) = self.verdict.iter().find(|value| !VERDICT_VALUES.contains(&value.as_str())) {
            let known = VERDICT_VALUES.join(", ");
            return Err(format!("`tolerate.verdict` names `{wrong}`: write some of {known}"));
        }
        if self.elide.iter().any(String::is_empty) {
            return Err(
                "`tolerate.elide` names nothing: write a function, as in idle or _CPU_Idle*".to_owned()
            );
        }
        if self.registers.len() > RULES_MOST {
            return Err(format!(
                "`tolerate.registers` has {} words: at most {RULES_MOST} can be told apart",
                self.registers.len()
            ));
        }
        self.values.iter().try_for_each(checked)?;
        let registers =
            self.registers.iter().map(|text| RegisterRule::read(text)).collect::<Result<_, _>>()?;
        Ok(Tolerate { registers, values: self.values, elide: self.elide, order, verdict: self.verdict })
    }
}

impl RegisterRule {
    fn read(text: &str) -> Result<Self, String> {
        let (name, after) = match text.split_once('@') {
            None => (text, None),
            Some((name, rest)) => {
                let after = rest.strip_prefix("after:").filter(|word| !word.is_empty());
                let after = after.ok_or_else(|| {
                    format!("`tolerate.registers` names `{text}`: after `@` write after:INSTRUCTION, as in AF@after:shl")
                })?;
                (name, Some(after.to_owned()))
            }
        };
        let register = REGISTER_NAMES.iter().position(|known| *known == name);
        let flag = FLAGS.iter().find(|(_, known)| *known == name).map(|(bit, _)| *bit);
        if register.is_none() && flag.is_none() {
            let known = REGISTER_NAMES.into_iter().chain(FLAGS.map(|(_, flag)| flag));
            return Err(format!("`tolerate.registers` names `{name}`: write some of {}", listed(known)));
        }
        if register.is_some() && after.is_some() {
            return Err(format!(
                "`tolerate.registers` names `{text}`: `@after` is for flags: write `{name}`"
            ));
        }
        let registers = register.map_or(0, |place| 1 << place);
        Ok(Self { text: text.to_owned(), registers, flags: flag.unwrap_or(0), after })
    }
}

/// A call and a field that exist. The calls of Linux are known by the lines of `expect.events` only.
fn checked(rule: &ValueRule) -> Result<(), String> {
    let ValueRule { call, field, shown } = rule;
    let wrong = |why: String| Err(format!("`tolerate.values`: {why}"));
    if shown.is_empty() || shown.contains('\n') {
        return wrong(format!("`as` of `{call}` has to be one line, as in <time>"));
    }
    let known = || CALLS.iter();
    let Some(description) = known().find(|description| description.name == call) else {
        return match nearest(call, known().map(|description| description.name)) {
            Some(meant) => wrong(format!("there is no call `{call}`: did you mean `{meant}`?")),
            None => Ok(()),
        };
    };
    let fields = description.arguments.iter().map(|argument| argument.name).chain(["result"]);
    if fields.clone().any(|known| known == field) {
        return Ok(());
    }
    wrong(format!("`{call}` has no field `{field}`: write one of {}", listed(fields)))
}

impl Tolerate {
    /// Its table in a case file; empty if nothing is tolerated.
    pub(crate) fn text(&self) -> String {
        let Self { registers, values, elide, order, verdict } = self;
        let registers: Vec<String> = registers.iter().map(|rule| rule.text.clone()).collect();
        let mut text = String::new();
        for (key, words) in [("registers", &registers), ("elide", elide), ("verdict", verdict)] {
            if !words.is_empty() {
                let _ = writeln!(text, "{key} = {}", list(words));
            }
        }
        if *order == Order::PerPartition {
            text += "order = \"per-partition\"\n";
        }
        for ValueRule { call, field, shown } in values {
            let (call, field, shown) = (quoted(call), quoted(field), quoted(shown));
            let _ = write!(text, "\n[[tolerate.values]]\ncall = {call}\nfield = {field}\nas = {shown}\n");
        }
        if text.is_empty() { text } else { format!("\n[tolerate]\n{text}") }
    }
}
