//! `paravane lockstep`: a Linux program on the emulator and on the host's own processor, compared after every
//! instruction.
//!
//! The emulated run is the one of `paravane run --abi linux`: the host's side follows it and changes nothing. Only
//! Linux on x86-64 has a host's side. System calls are the emulator's; what they change is copied to the host.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod native;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod pair;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod report;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod rules;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod state;

use crate::arguments::Lockstep;
use crate::output::{Ended, complain};
use crate::status::Status;
use emulator::{CpuProfile, PAGE_BYTES, Rights, Settings};
use hypervisor_core::{Abi, Config, Machine};
use recording::GuestFile;

/// Pages in a row that the program has, with the same rights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// Its first byte.
    pub address: u32,
    /// Its length; a multiple of the page size.
    pub length_bytes: u32,
    /// What the program may do there.
    pub rights: Rights,
}

/// Runs the program on both.
///
/// # Errors
/// It cannot be loaded, or input or output failed.
pub fn lockstep(options: &Lockstep) -> Result<Status, Ended> {
    let file = GuestFile::open(&options.image)?;
    let shown = file.shown;
    let config = Config {
        abi: Abi::Linux,
        memory_bytes: options.memory,
        name: shown.clone(),
        arguments: options.arguments.clone(),
        // The host has all that we model.
        engine: Settings { profile: CpuProfile::Prescott, ..Settings::default() },
        ..Config::default()
    };
    let machine =
        Machine::new(file.image, config).map_err(|error| Ended::Failed(format!("{shown}: {error}")))?;
    let regions = regions(&machine);
    both(machine, &regions, options, &shown)
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn both(machine: Machine, regions: &[Region], options: &Lockstep, shown: &str) -> Result<Status, Ended> {
    use native::Refused;
    match pair::Pair::new(machine, regions, options) {
        Ok(pair) => pair.run(),
        Err(Refused::Host(why)) => Ok(unavailable(&why)),
        Err(Refused::Program(why)) => Err(Ended::Failed(format!("{shown}: {why}"))),
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn both(_: Machine, _: &[Region], _: &Lockstep, _: &str) -> Result<Status, Ended> {
    Ok(unavailable("it is not Linux on x86-64"))
}

fn unavailable(why: &str) -> Status {
    complain(format_args!("paravane: lockstep cannot run on this host: {why}"));
    Status::Unavailable
}

/// What the program may touch, by address.
fn regions(machine: &Machine) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for address in (0..=u32::MAX).step_by(PAGE_BYTES as usize) {
        let Some(rights) = machine.rights(address).filter(|rights| *rights != Rights::NONE) else { continue };
        match regions.last_mut() {
            Some(last) if last.rights == rights && last.address + last.length_bytes == address => {
                last.length_bytes += PAGE_BYTES;
            }
            _ => regions.push(Region { address, length_bytes: PAGE_BYTES, rights }),
        }
    }
    regions
}
