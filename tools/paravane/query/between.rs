//! How long it took from one mark to another, from the events of a recording alone.

use super::hit::Showing;
use super::options::Query;
use super::scope::Scope;
use super::search::Printer;
use crate::json::Json;
use crate::output::Ended;
use crate::quantities::{grouped, time};
use crate::show_command::failed;
use hypervisor_core::{Event, PartitionId, Stamp};
use recording::Recording;
use trace::TracedSystem;

/// Two marks that follow each other.
struct Pair {
    from: (Stamp, u32),
    to: (Stamp, u32),
}

/// Shows the times between two marks; counts them.
///
/// # Errors
/// The words are wrong, the recording is damaged, or stdout fails.
pub fn between(
    query: &Query,
    recording: &mut Recording,
    (from, to, all): (&str, &str, bool),
) -> Result<u64, Ended> {
    let traced = recording.traced().clone();
    let scope = Scope::new(&traced, query.partition.as_deref()).map_err(Ended::Failed)?;
    let (from, to) = (scope.mark(from).map_err(Ended::Failed)?, scope.mark(to).map_err(Ended::Failed)?);
    let showing = Showing::new(&traced);
    let mut printer = Printer::new(Showing::new(&traced), query.json);
    let (mut open, mut count, mut result) = (None, 0, Ok(()));
    let told = recording.tell_events(|stamp, event| {
        let Event::Mark { id, .. } = event else { return };
        if result.is_err() || (count > 0 && !all) {
            return;
        }
        let is = |(partition, mark): (PartitionId, u32)| stamp.partition == partition && id == mark;
        match open {
            Some(begun) if is(to) => {
                let pair = Pair { from: (begun, from.1), to: (stamp, id) };
                let line = if query.json { pair.json(&traced).line() } else { pair.text(&showing) };
                result = printer.line(&line);
                count += 1;
                open = is(from).then_some(stamp);
            }
            None if is(from) => open = Some(stamp),
            _ => {}
        }
    });
    result?;
    printer.flush()?;
    told.map_err(|error| failed(&query.recording, &error))?;
    Ok(count)
}

impl Pair {
    fn elapsed_ns(&self) -> u64 {
        self.to.0.now_ns.saturating_sub(self.from.0.now_ns)
    }

    /// What one partition executed from the one to the other; of two partitions nothing can be said.
    fn instructions(&self) -> Option<u64> {
        let is_one = self.from.0.partition == self.to.0.partition;
        is_one.then(|| self.to.0.instruction.saturating_sub(self.from.0.instruction))
    }

    fn text(&self, showing: &Showing<'_>) -> String {
        let instructions = self.instructions().map(|count| format!(", {} instructions", grouped(count)));
        format!(
            "{}== mark {}  to  {}== mark {}: {}{}",
            showing.head(self.from.0),
            self.from.1,
            showing.head(self.to.0),
            self.to.1,
            time(self.elapsed_ns()),
            instructions.unwrap_or_default()
        )
    }

    fn json(&self, traced: &TracedSystem) -> Json {
        let mark = |(stamp, id): (Stamp, u32)| {
            Json::object([
                ("partition", traced.partition(stamp.partition).name.as_str().into()),
                ("mark", u64::from(id).into()),
                ("instruction", stamp.instruction.into()),
                ("time_ns", stamp.now_ns.into()),
            ])
        };
        Json::object([
            ("from", mark(self.from)),
            ("to", mark(self.to)),
            ("elapsed_ns", self.elapsed_ns().into()),
            ("instructions", self.instructions().map_or(Json::Null, Json::Number)),
        ])
    }
}
