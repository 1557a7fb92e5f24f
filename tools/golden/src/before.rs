//! The run that was accepted, made again from the files that it was made of: then every value of it is known.

use crate::archive::Archive;
use crate::case::Case;
use crate::case_file::{self, CaseFile};
use crate::execute::execute;
use crate::expectation::Expectation;
use crate::judge::{Judged, Judgement};
use std::collections::BTreeMap;
use std::path::Path;

/// Why the accepted run cannot be made again: one line.
pub type Unknown = String;

/// The case as it was accepted. It does again what was accepted, to the last digest.
///
/// # Errors
/// Why its values are not known.
pub fn before(case: &Case, judged: &Judged, archive: &Archive) -> Result<Case, Unknown> {
    let Some(accepted) = &judged.accepted else { return Err("nothing was accepted".to_owned()) };
    if judged.judgement == Judgement::EmulatorChanged {
        return Err("what was accepted are digests and events, and this Paravane does something else with the same files: \
                    only a Paravane that still does what was accepted knows the values: \
                    `paravane golden explain --against PROGRAM` asks one"
            .to_owned());
    }
    let kept = archive.find(case, &accepted.verdict.files)?;
    let text = kept.get(Path::new(case_file::NAME)).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let file = CaseFile::read(&text.unwrap_or_default())?;
    let before = Case {
        name: case.name.clone(),
        folder: case.folder.clone(),
        file,
        kept: Some(kept),
        meter: case.meter.clone(),
    };
    let run = execute(&before)?;
    let tolerate = &before.file.tolerate;
    if Expectation::of(&run).compared(tolerate) != accepted.compared(tolerate) {
        return Err(
            "the accepted files do not do what was accepted any more, so Paravane changed as well".to_owned()
        );
    }
    Ok(before)
}

/// The images of a case that are others than those of another, by their names in it; whether there are any.
pub(crate) fn has_other_images(a: &Case, b: &Case) -> bool {
    let images = |case: &Case| -> Option<BTreeMap<String, u128>> {
        let subject = case.opened().ok()?.subject;
        let partitions = subject.config.partitions.iter();
        Some(partitions.map(|partition| (partition.name.clone(), partition.image.hash)).collect())
    };
    images(a) != images(b)
}
