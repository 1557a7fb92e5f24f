//! All that is known of where a run leaves the accepted path.

use crate::archive::Archive;
use crate::before::{before, has_other_images};
use crate::case::Case;
use crate::execute::Run;
use crate::expectation::Expectation;
use crate::image_changes::{ImageChange, image_changes};
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
    /// The images that are not the accepted ones.
    pub images: Vec<ImageChange>,
    /// Whether both runs are known, and their images are not the same, so that addresses say nothing.
    pub by_symbol: bool,
    /// Whether the steps of the accepted run are known, and this one has no others.
    pub has_same_steps: bool,
}

impl Divergence {
    /// Looks for it by running the case again; nothing if no layer differs.
    ///
    /// # Errors
    /// The case cannot be run again.
    pub fn of(case: &Case, judged: &Judged, archive: &Archive) -> Result<Self, String> {
        let Some(accepted) = &judged.accepted else { return Ok(Self::default()) };
        let images = match &judged.judgement {
            Judgement::GuestChanged(names) => image_changes(case, names, &accepted.verdict.files, archive),
            Judgement::CaseChanged(_) | Judgement::EmulatorChanged => Vec::new(),
            _ => return Ok(Self::default()),
        };
        let Some(run) = &judged.run else { return Ok(Self { images, ..Self::default() }) };
        if judged.differences().is_empty() {
            return Ok(Self { images, ..Self::default() });
        }
        let inspection = inspect(case, run, accepted)?;
        let before = match before(case, judged, archive) {
            Ok(before) => before,
            Err(why) => {
                let told = Self { inspection, images, ..Self::default() };
                return Ok(match archive.first_difference(case) {
                    Some(Ok(Some(parting))) => Self { parting: Some(parting), ..told },
                    Some(Ok(None)) => Self { has_same_steps: true, ..told },
                    Some(Err(why)) => Self { unknown: Some(why), ..told },
                    None => Self { unknown: Some(why), ..told },
                });
            }
        };
        let by_symbol = has_other_images(&before, case);
        let (parting, unknown) = match parting(&before, case, &alike(run, accepted, inspection.as_ref())) {
            Ok(parting) => (parting, None),
            Err(why) => (None, Some(why)),
        };
        Ok(Self {
            inspection,
            before: Some(before),
            parting,
            unknown,
            images,
            by_symbol,
            has_same_steps: false,
        })
    }

    /// Whether the accepted run is known, and does the same as far as it is compared by instructions.
    #[must_use]
    pub fn is_alike(&self) -> bool {
        self.has_same_steps || self.before.is_some() && self.parting.is_none() && self.unknown.is_none()
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
