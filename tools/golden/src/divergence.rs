//! All that is known of where a run leaves the accepted path.

use crate::archive::Archive;
use crate::before::before;
use crate::case::Case;
use crate::execute::Run;
use crate::expectation::Expectation;
use crate::inspect::{Inspection, inspect};
use crate::judge::{Judged, Judgement};
use crate::ladder;
use crate::parting::{Parting, parting};

/// Where a run leaves the accepted path.
#[derive(Clone, Debug, Default)]
pub struct Divergence {
    /// The stretch in which it does, as far as ladder and events tell.
    pub inspection: Option<Inspection>,
    /// The accepted run, if it can be made again.
    pub before: Option<Case>,
    /// The first difference of the two; None if there is none, or the accepted run is not known.
    pub parting: Option<Parting>,
    /// Why the accepted run is not known.
    pub unknown: Option<String>,
}

impl Divergence {
    /// Looks for it by running the case again; nothing if no layer differs.
    ///
    /// # Errors
    /// The case cannot be run again.
    pub fn of(case: &Case, judged: &Judged, archive: &Archive) -> Result<Self, String> {
        let is_other = matches!(judged.judgement, Judgement::GuestChanged(_) | Judgement::EmulatorChanged);
        let (Some(run), Some(accepted)) = (&judged.run, &judged.accepted) else { return Ok(Self::default()) };
        if !is_other || judged.differences().is_empty() {
            return Ok(Self::default());
        }
        let inspection = inspect(case, run, accepted)?;
        Ok(match before(case, judged, archive) {
            Err(why) => Self { inspection, unknown: Some(why), ..Self::default() },
            Ok(before) => match parting(&before, case, &alike(run, accepted, inspection.as_ref())) {
                Ok(parting) => Self { inspection, before: Some(before), parting, unknown: None },
                Err(why) => Self { inspection, before: Some(before), parting: None, unknown: Some(why) },
            },
        })
    }

    /// Whether the accepted run is known, and does the same as far as it is compared by instructions.
    #[must_use]
    pub fn is_alike(&self) -> bool {
        self.before.is_some() && self.parting.is_none() && self.unknown.is_none()
    }
}

/// Instructions of partitions up to which both runs did the same; none if that is not known.
fn alike(run: &Run, accepted: &Expectation, inspection: Option<&Inspection>) -> Vec<(u16, u64)> {
    let stretches = ladder::parting(&accepted.ladder, &run.ladder, &run.names);
    let mut alike: Vec<(u16, u64)> =
        stretches.iter().map(|stretch| (stretch.partition, stretch.first)).collect();
    // An event can be another one although all instructions are the same.
    let event = inspection.and_then(|inspection| inspection.event);
    alike.extend(event.map(|(_, stamp)| (stamp.partition.0, stamp.instruction)));
    alike
}
