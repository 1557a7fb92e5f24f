//! In which functions instructions ran, with the source line of each where the image has lines.

use crate::bounds::{FUNCTIONS_MOST, PARTITION_FUNCTIONS_MOST};
use crate::lines::{LineCounts, LineRow};
use crate::words::label;
use hypervisor_core::PartitionId;
use serde::Serialize;
use trace::{FunctionCounts, TracedSystem, readable_name};

/// The hot functions, or why there are none.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Functions {
    /// Why nothing was counted.
    pub left_out: Option<String>,
    /// All instructions of each partition.
    pub instructions: Vec<u64>,
    /// The functions, by partition, the one with the most instructions first.
    pub rows: Vec<FunctionRow>,
    /// How many others there are.
    pub others: u64,
    /// The source lines of images that have them, likewise.
    pub lines: Vec<LineRow>,
    /// How many others there are.
    pub other_lines: u64,
}

/// A function.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FunctionRow {
    /// Whose it is.
    pub partition: u16,
    /// Its name, readable.
    pub name: String,
    /// Where it begins.
    pub entry: u32,
    /// Instructions of its own.
    pub instructions: u64,
    /// How often it was entered.
    pub entries: u64,
    /// File and line of where it begins.
    pub source: Option<String>,
}

impl Functions {
    /// Nothing was counted, and this is why.
    #[must_use]
    pub fn not_counted(why: &str) -> Self {
        Self { left_out: Some(why.to_owned()), ..Self::default() }
    }
}

/// The functions and lines that were counted.
#[must_use]
pub fn function_rows(traced: &TracedSystem, counts: &FunctionCounts, line_counts: &LineCounts) -> Functions {
    let (lines, other_lines) = line_counts.rows();
    let mut functions = Functions { lines, other_lines, ..Functions::default() };
    let room = PARTITION_FUNCTIONS_MOST.min(FUNCTIONS_MOST / traced.partitions.len().max(1)).max(1);
    for place in 0..traced.partitions.len() {
        let id = PartitionId(place as u16);
        let all = counts.most(id, u64::MAX);
        functions.instructions.push(all.iter().map(|(_, count)| count.instructions).sum());
        functions.others += all.len().saturating_sub(room) as u64;
        let source = |address| {
            line_counts.lines().line(id, address).map(|at| label(&format!("{}:{}", at.file, at.line)))
        };
        functions.rows.extend(all.into_iter().take(room).map(|(function, count)| FunctionRow {
            partition: id.0,
            name: label(&readable_name(&function.name)),
            entry: function.entry,
            instructions: count.instructions,
            entries: count.entries,
            source: source(function.entry),
        }));
    }
    functions
}
