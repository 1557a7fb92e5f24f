//! What of a Linux program changes in a run, beside its processor and memory.

use super::pages::SavedPages;
use super::{Console, Descriptors, Effect, Guest, Linux};
use crate::snapshot::RestoreError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The state of a Linux program.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedLinux {
    console: Console,
    errors: Vec<u8>,
    errors_are_new: bool,
    effects: Vec<Effect>,
    pages: SavedPages,
    descriptors: Descriptors,
    signals_blocked: u64,
    random: u64,
    warned: BTreeSet<u32>,
}

impl Linux {
    /// What it is to be restored from.
    pub(crate) fn saved(&self) -> SavedLinux {
        let Self {
            console,
            errors,
            errors_are_new,
            effects,
            pages,
            descriptors,
            signals_blocked,
            random,
            warned,
        } = self;
        SavedLinux {
            console: console.clone(),
            errors: errors.clone(),
            errors_are_new: *errors_are_new,
            effects: effects.clone(),
            pages: pages.saved(),
            descriptors: descriptors.clone(),
            signals_blocked: *signals_blocked,
            random: *random,
            warned: warned.clone(),
        }
    }

    /// The state that was saved, for a program at its start whose address space is as it was saved. It gets the memory
    /// that the program asked for.
    pub(crate) fn restored(self, saved: SavedLinux, guest: &mut Guest) -> Result<Self, RestoreError> {
        let SavedLinux {
            console,
            errors,
            errors_are_new,
            effects,
            pages,
            descriptors,
            signals_blocked,
            random,
            warned,
        } = saved;
        console.check()?;
        Ok(Self {
            console,
            errors,
            errors_are_new,
            effects,
            pages: self.pages.restored(pages, guest)?,
            descriptors,
            signals_blocked,
            random,
            warned,
        })
    }
}
