//! What the recording is of, and how the run ended.

use crate::words::label;
use hypervisor_core::ledger::Ledger;
use hypervisor_core::loader::Symbols;
use hypervisor_core::{Outcome, PartitionId};
use serde::Serialize;
use trace::pvt::{Detail, Header};
use trace::{RunEnd, TracedSystem, outcome_words};

/// What is known of a run beside its events.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// The recording as the user named it.
    pub file: String,
    /// Its first frame.
    pub header: &'a Header,
    /// How the run ended; None if its recording was cut off.
    pub end: Option<&'a RunEnd>,
    /// The last unit of virtual time of which the recording knows.
    pub last_unit: u64,
    /// The length of the recording in bytes.
    pub bytes: u64,
    /// What the machine counted of each partition, if it could be made again.
    pub totals: Option<Vec<PartitionTotals>>,
}

/// What the machine counted of a partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionTotals {
    /// Units that it executed.
    pub executed: u64,
    /// Units in which it waited in its own windows.
    pub idle: u64,
    /// What became of its events; None for a Linux program.
    pub ledger: Option<Ledger>,
}

/// The recording as the page has it. Digests and hashes are hexadecimal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    file: String,
    of: String,
    writer: String,
    semantics: u32,
    is_system: bool,
    bytes: u64,
    detail: &'static str,
    configuration: String,
    filters: Vec<String>,
    files: Vec<(String, u64)>,
    units_per_second: u64,
    last_unit: u64,
    end: Option<End>,
    partitions: Vec<Partition>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct End {
    words: String,
    /// `good`, `bad` or `limit`.
    verdict: &'static str,
    executed: u64,
    unit: u64,
    digest: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Partition {
    name: String,
    image: String,
    build_id: String,
    executed: u64,
    idle: Option<u64>,
    ended: Option<PartitionEnd>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct PartitionEnd {
    words: String,
    verdict: &'static str,
    /// Nanoseconds of virtual time.
    ns: u64,
    instruction: u64,
}

/// Files of a recording that are named.
const FILES_MOST: usize = 1024;

impl About<'_> {
    /// As the page has it; `executed` is what events say that each partition executed.
    pub fn shown(&self, traced: &TracedSystem, executed: &[u64]) -> Shown {
        let header = self.header;
        Shown {
            file: label(&self.file),
            of: label(&header.path),
            writer: label(&header.writer),
            semantics: header.semantics,
            is_system: traced.is_system,
            bytes: self.bytes,
            detail: match header.detail {
                Detail::Full => "full",
                Detail::Addresses => "addresses",
                Detail::Stored => "stored",
            },
            configuration: hexadecimal(header.configuration_digest),
            filters: header.filters.iter().take(FILES_MOST).map(|filter| label(filter)).collect(),
            files: header.files.iter().take(FILES_MOST).map(|(name, bytes)| (label(name), *bytes)).collect(),
            units_per_second: traced.rate.units_per_second(),
            last_unit: self.last_unit,
            end: self.end.map(|end| End {
                words: label(&words(traced, PartitionId(0), &end.outcome)),
                verdict: verdict(&end.outcome),
                executed: end.executed,
                unit: end.unit,
                digest: hexadecimal(end.digest),
            }),
            partitions: (0..traced.partitions.len())
                .map(|place| self.partition(traced, executed, place))
                .collect(),
        }
    }

    fn partition(&self, traced: &TracedSystem, executed: &[u64], place: usize) -> Partition {
        let id = PartitionId(place as u16);
        let partition = traced.partition(id);
        let build_id = partition.image.build_id().iter().take(64).map(|byte| format!("{byte:02x}")).collect();
        let totals = self.totals.as_ref().and_then(|totals| totals.get(place));
        let ended = self.end.and_then(|end| end.partitions.iter().find(|end| end.partition == id.0));
        Partition {
            name: label(&partition.name),
            image: hexadecimal(partition.image.hash),
            build_id,
            executed: totals.map_or(executed.get(place).copied().unwrap_or(0), |totals| totals.executed),
            idle: totals.map(|totals| totals.idle),
            ended: ended.map(|end| PartitionEnd {
                words: label(&words(traced, id, &end.outcome)),
                verdict: verdict(&end.outcome),
                ns: end.now_ns,
                instruction: end.instruction,
            }),
        }
    }
}

fn words(traced: &TracedSystem, id: PartitionId, outcome: &Outcome) -> String {
    let none = Symbols::default();
    let symbols = traced.partitions.get(id.index()).map_or(&none, |partition| &partition.symbols);
    outcome_words(symbols, &traced.names, outcome)
}

/// Whether an end is one to look at.
fn verdict(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Shutdown { code: 0 } | Outcome::Halted => "good",
        Outcome::LimitReached(_) => "limit",
        Outcome::Shutdown { .. }
        | Outcome::Crashed(_)
        | Outcome::StoppedByHealth { .. }
        | Outcome::SystemHalted { .. }
        | Outcome::Unimplemented { .. } => "bad",
    }
}

fn hexadecimal(digest: u128) -> String {
    format!("{digest:032x}")
}
