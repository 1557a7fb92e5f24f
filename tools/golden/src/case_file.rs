//! `case.toml`: what a case runs, and what its run must have to count.

use crate::tolerate::{self, Tolerate};
use crate::traced_part::TracedPart;
use emulator::CpuProfile;
use hypervisor_core::Abi;
use recording::GuestOptions;
use serde::Deserialize;
use std::fmt::Write;
use system_file::quantities::{parse_duration, parse_size};

/// The name of the file in a case's folder.
pub const NAME: &str = "case.toml";

const SCHEMA: u64 = 1;
/// A case without a limit of its own ends here: long for a test, short for a hang.
const INSTRUCTIONS: u64 = 100_000_000;
const TIME_NS: u64 = 60_000_000_000;

/// What a case runs. Paths are as they stand in the file: relative to its folder, or `builtin:NAME`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseFile {
    /// A guest's ELF file or a system file.
    pub run: String,
    /// How a single guest is run.
    pub options: GuestOptions,
    /// A file with the whole console input.
    pub input: Option<String>,
    /// A recording of the console input, as `--record` writes it.
    pub replay: Option<String>,
    /// Instructions of all partitions at most.
    pub instructions: u64,
    /// Virtual time at most.
    pub time_ns: u64,
    /// The run is meant to end at a limit.
    pub limit_is_expected: bool,
    /// Instructions and events that it must have at least.
    pub least_records: u64,
    /// Symbols whose first instruction must have run; of a system `PARTITION:SYMBOL`.
    pub symbols: Vec<String>,
    /// Which part of the run is compared.
    pub part: TracedPart,
    /// What may differ.
    pub tolerate: Tolerate,
}

impl CaseFile {
    /// A case that runs this file.
    #[must_use]
    pub fn new(run: String) -> Self {
        Self {
            run,
            options: GuestOptions::default(),
            input: None,
            replay: None,
            instructions: INSTRUCTIONS,
            time_ns: TIME_NS,
            limit_is_expected: false,
            least_records: 1,
            symbols: Vec::new(),
            part: TracedPart::default(),
            tolerate: Tolerate::default(),
        }
    }

    /// Reads the text of a case file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let raw: Raw = toml::from_str(text).map_err(|error| one_line(text, &error))?;
        if raw.schema != SCHEMA {
            return Err(format!("`schema` is {}: this version reads schema {SCHEMA}", raw.schema));
        }
        if raw.input.is_some() && raw.replay.is_some() {
            return Err("`input` and `replay` exclude each other: remove one".to_owned());
        }
        let options = GuestOptions {
            abi: named("abi", raw.abi, &ABIS)?,
            memory_bytes: raw
                .memory
                .map(|text| parse_size(&text).map_err(|why| format!("`memory`: {why}")))
                .transpose()?,
            arguments: raw.arguments,
            profile: named("cpu", raw.cpu, &PROFILES)?,
        };
        let time_ns = match raw.limits.time {
            None => TIME_NS,
            Some(text) => {
                let time = parse_duration(&text).map_err(|why| format!("`limits.time`: {why}"))?;
                u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
            }
        };
        Ok(Self {
            run: raw.run,
            options,
            input: raw.input,
            replay: raw.replay,
            instructions: raw.limits.instructions.unwrap_or(INSTRUCTIONS),
            time_ns,
            limit_is_expected: raw.limits.expected,
            least_records: raw.require.records.unwrap_or(1).max(1),
            symbols: raw.require.symbols,
            part: raw.trace.checked()?,
            tolerate: raw.tolerate.read()?,
        })
    }

    /// The text of the file: every value that decides how the run goes.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("schema = {SCHEMA}\nrun = {}\n", quoted(&self.run));
        let GuestOptions { abi, memory_bytes, arguments, profile } = &self.options;
        if !arguments.is_empty() {
            let _ = writeln!(text, "arguments = {}", list(arguments));
        }
        if let Some(bytes) = memory_bytes {
            let _ = writeln!(text, "memory = \"{bytes}\"");
        }
        if let Some((word, _)) = abi.and_then(|abi| ABIS.iter().find(|(_, known)| *known == abi)) {
            let _ = writeln!(text, "abi = \"{word}\"");
        }
        if let Some((word, _)) = profile.and_then(|cpu| PROFILES.iter().find(|(_, known)| *known == cpu)) {
            let _ = writeln!(text, "cpu = \"{word}\"");
        }
        for (key, path) in [("input", &self.input), ("replay", &self.replay)] {
            if let Some(path) = path {
                let _ = writeln!(text, "{key} = {}", quoted(path));
            }
        }
        let _ =
            writeln!(text, "\n[limits]\ninstructions = {}\ntime = \"{}ns\"", self.instructions, self.time_ns);
        if self.limit_is_expected {
            text += "expected = true\n";
        }
        let _ = writeln!(text, "\n[require]\nrecords = {}", self.least_records);
        if !self.symbols.is_empty() {
            let _ = writeln!(text, "symbols = {}", list(&self.symbols));
        }
        text + &self.part.text() + &self.tolerate.text()
    }

    /// The word of an ABI on the command line.
    #[must_use]
    pub fn abi_word(&self) -> Option<&'static str> {
        let abi = self.options.abi?;
        ABIS.iter().find(|(_, known)| *known == abi).map(|(word, _)| *word)
    }

    /// The word of a processor on the command line.
    #[must_use]
    pub fn cpu_word(&self) -> Option<&'static str> {
        let profile = self.options.profile?;
        PROFILES.iter().find(|(_, known)| *known == profile).map(|(word, _)| *word)
    }
}

const ABIS: [(&str, Abi); 2] = [("paravane", Abi::Paravane), ("linux", Abi::Linux)];
const PROFILES: [(&str, CpuProfile); 3] =
    [("i686", CpuProfile::I686), ("pentium4", CpuProfile::Pentium4), ("prescott", CpuProfile::Prescott)];

fn named<T: Copy>(key: &str, word: Option<String>, known: &[(&str, T)]) -> Result<Option<T>, String> {
    let Some(word) = word else { return Ok(None) };
    let found = known.iter().find(|(known, _)| *known == word).map(|(_, value)| Some(*value));
    found.ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        format!("`{key}` is `{word}`: write one of {}", words.join(", "))
    })
}

/// A text as TOML writes it.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out += "\\n",
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out + "\""
}

pub(crate) fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// What is wrong with a TOML text, in one line with its place.
pub(crate) fn one_line(text: &str, error: &toml::de::Error) -> String {
    const LONGEST: usize = 60;
    let message = error.message().replace('\n', "; ");
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return message };
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default().trim();
    let shown: String = line.chars().take(LONGEST).map(|c| if c.is_control() { '?' } else { c }).collect();
    format!("line {}, `{shown}`: {message}", number + 1)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    schema: u64,
    run: String,
    #[serde(default)]
    arguments: Vec<String>,
    memory: Option<String>,
    abi: Option<String>,
    cpu: Option<String>,
    input: Option<String>,
    replay: Option<String>,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    require: RawRequire,
    #[serde(default)]
    trace: TracedPart,
    #[serde(default)]
    tolerate: tolerate::Raw,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct RawLimits {
    instructions: Option<u64>,
    time: Option<String>,
    #[serde(default)]
    expected: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct RawRequire {
    records: Option<u64>,
    #[serde(default)]
    symbols: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::{CaseFile, quoted};
    use emulator::CpuProfile;
    use hypervisor_core::Abi;

    #[test]
    fn what_is_written_is_read_again() {
        let mut case = CaseFile::new("a \"b\"\\c\n.elf".to_owned());
        assert_eq!(CaseFile::read(&case.text()), Ok(case.clone()));
        case.options.abi = Some(Abi::Linux);
        case.options.profile = Some(CpuProfile::Prescott);
        case.options.memory_bytes = Some(1 << 20);
        case.options.arguments = vec!["-x".to_owned(), "\u{1}é".to_owned()];
        case.replay = Some("input.rec".to_owned());
        case.limit_is_expected = true;
        case.symbols = vec!["main".to_owned()];
        case.part.only = vec!["calls".to_owned(), "traps".to_owned()];
        case.part.from = Some("main".to_owned());
        let tolerate = "registers = ['edx', 'AF@after:shl']\nelide = ['idle*']\norder = 'per-partition'\n\
                        verdict = ['state']\nvalues = [{ call = 'console_write', field = 'result', as = '<n>' }]";
        let tolerate = format!("schema = 1\nrun = 'a'\n[tolerate]\n{tolerate}");
        case.tolerate = CaseFile::read(&tolerate).unwrap().tolerate;
        assert_eq!((case.tolerate.registers.len(), case.tolerate.values.len()), (2, 1));
        assert_eq!(CaseFile::read(&case.text()), Ok(case));
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        for (text, says) in [
            ("run = 'a'", "schema"),
            ("schema = 2\nrun = 'a'", "this version reads schema 1"),
            ("schema = 1", "run"),
            ("schema = 1\nrun = 'a'\nmemroy = '1MiB'", "memroy"),
            ("schema = 1\nrun = 'a'\nmemory = '1MB'", "`memory`"),
            ("schema = 1\nrun = 'a'\nabi = 'dos'", "one of paravane, linux"),
            ("schema = 1\nrun = 'a'\ninput = 'b'\nreplay = 'c'", "exclude each other"),
            ("schema = 1\nrun = 'a'\n[limits]\ntime = '5'", "`limits.time`"),
            ("schema = 1\nrun = 'a'\n[limits]\ninstructions = -1", "instructions"),
            ("schema = 1\nrun = 'a'\n[require]\nrecord = 1", "line 4, `record = 1`: unknown field `record`"),
            (
                "schema = 1\nrun = 'a'\n[trace]\nform = 'main'",
                "line 4, `form = 'main'`: unknown field `form`",
            ),
            ("schema = 1\nrun = 'a'\n[trace]\nonly = ['calss']", "did you mean `calls`?"),
            ("schema = 1\nrun = 'a'\n[tolerate]\nflags = 'AF'", "unknown field `flags`"),
            ("schema = 1\nrun = 'a'\n[tolerate]\nregisters = ['exx']", "`exx`: write some of `eax`"),
            ("schema = 1\nrun = 'a'\n[tolerate]\nregisters = ['AF@shl']", "write after:INSTRUCTION"),
            ("schema = 1\nrun = 'a'\n[tolerate]\nregisters = ['eax@after:bsf']", "is for flags"),
            ("schema = 1\nrun = 'a'\n[tolerate]\norder = 'none'", "one of total, per-partition"),
            ("schema = 1\nrun = 'a'\n[tolerate]\nverdict = ['outcome']", "`outcome`: write some of executed"),
            ("schema = 1\nrun = 'a'\n[tolerate]\nelide = ['']", "write a function"),
            (
                "schema = 1\nrun = 'a'\n[[tolerate.values]]\ncall = 'get_time'\nfield = 'x'",
                "missing field `as`",
            ),
            (
                "schema = 1\nrun = 'a'\n[[tolerate.values]]\ncall = 'consol_write'\nfield = 'x'\nas = '?'",
                "did you mean `console_write`?",
            ),
            (
                "schema = 1\nrun = 'a'\n[[tolerate.values]]\ncall = 'console_write'\nfield = 'x'\nas = '?'",
                "`console_write` has no field `x`: write one of `bytes` and `result`",
            ),
        ] {
            let error = CaseFile::read(text).unwrap_err();
            assert!(error.contains(says) && !error.contains('\n'), "{text}: {error}");
        }
    }

    #[test]
    fn no_more_rules_are_taken_than_are_told_apart() {
        let text = |count| {
            format!("schema = 1\nrun = 'a'\n[tolerate]\nregisters = {:?}", vec!["AF@after:shl"; count])
        };
        assert!(CaseFile::read(&text(64)).is_ok());
        assert!(CaseFile::read(&text(65)).unwrap_err().contains("65 words: at most 64"));
    }

    #[test]
    fn control_characters_do_not_reach_a_file() {
        assert_eq!(quoted("a\u{7f}\r"), "\"a\\u007F\\u000D\"");
    }
}
