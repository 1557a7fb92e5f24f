//! The files that a system file names: images and boot modules, each opened once.

use crate::Open;
use crate::diagnostic::{Diagnostic, Spanned};
use crate::model::System;
use crate::tree::shown;
use hypervisor_core::Image;
use hypervisor_core::boot::check_abi;
use hypervisor_core::health::HealthEvent;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Opens every file. What cannot be used is reported where it is named, and stays None.
pub fn load(system: &mut System, open: &mut Open<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut images = BTreeMap::new();
    let mut modules = BTreeMap::new();
    for partition in &mut system.partitions {
        if let Some(path) = &partition.image_path {
            let image = images.entry(path.value.clone()).or_insert_with(|| image(&path.value, open));
            match image {
                Ok(image) if partition.answers(HealthEvent::IncompatibleAbi) => {
                    diagnostics
                        .extend(wrong_abi(image, &path.value).map(|problem| problem.not_started(path)));
                    partition.image = Some(Arc::clone(image));
                }
                Ok(image) => match wrong_abi(image, &path.value) {
                    Some(problem) => diagnostics.push(problem.at(path)),
                    None => partition.image = Some(Arc::clone(image)),
                },
                Err(problem) => diagnostics.push(problem.at(path)),
            }
        }
        if let Some(path) = &partition.module_path {
            let module = modules.entry(path.value.clone()).or_insert_with(|| {
                let cannot = |why| Problem {
                    title: format!("this boot module cannot be read: {why}"),
                    advice: PATHS.to_owned(),
                };
                open(Path::new(&path.value)).map(Arc::new).map_err(cannot)
            });
            match module {
                Ok(module) => partition.module = Some(Arc::clone(module)),
                Err(problem) => diagnostics.push(problem.at(path)),
            }
        }
    }
}

const PATHS: &str = "paths are relative to the system file";

/// What is wrong with a file.
struct Problem {
    title: String,
    advice: String,
}

impl Problem {
    fn at(&self, path: &Spanned<String>) -> Diagnostic {
        Diagnostic::error(self.title.as_str()).at(path.span.clone(), "").help(self.advice.as_str())
    }

    /// The system runs without the partition: its health table answers that.
    fn not_started(&self, path: &Spanned<String>) -> Diagnostic {
        Diagnostic::warning(self.title.as_str())
            .at(path.span.clone(), "")
            .note("it is not started: its health table answers `incompatible_abi`")
            .help(self.advice.as_str())
    }
}

fn image(path: &str, open: &mut Open<'_>) -> Result<Arc<Image>, Problem> {
    let name = shown(path);
    let bytes = open(Path::new(path)).map_err(|why| Problem {
        title: format!("the image `{name}` cannot be read: {why}"),
        advice: format!("name a static i386 ELF executable; {PATHS}"),
    })?;
    let image = Image::read(&bytes).map_err(|error| Problem {
        title: format!("`{name}` is no image: {error}"),
        advice: "name a static i386 ELF executable that was built for Paravane".to_owned(),
    })?;
    Ok(Arc::new(image))
}

fn wrong_abi(image: &Image, path: &str) -> Option<Problem> {
    let error = check_abi(image).err()?;
    Some(Problem {
        title: format!("the image `{}` does not run here: {error}", shown(path)),
        advice: "a partition's image is built with the paravirtualization layer of this version; a Linux \
                 program runs alone, with `paravane run --abi linux`"
            .to_owned(),
    })
}
