//! Partitions, hypercalls, event channels, clock and loader.
//!
//! Not here: files, terminals, the host's clock. Whoever calls [`Machine::run`] prints what the guest writes and gives
//! it what it reads.

pub mod abi;
pub mod boot;
pub mod clock;
pub mod config;
pub mod conformance;
pub mod console;
pub mod event_channel;
pub mod health;
pub mod latency;
pub mod ledger;
pub mod lines;
pub mod loader;
pub mod machine;
pub mod message_port;
pub mod outcome;
pub mod partition;
pub mod record;
pub mod schedule;
mod seeded_faults;
pub mod services;
pub mod shared_areas;
pub mod snapshot;
pub mod timer;

mod calls;
mod debug_registers;
mod delivery;
mod fake_registers;
mod guest;
mod linux;
mod own_symbols;
mod paravirtual;
mod privileges;
mod settle;

#[cfg(test)]
mod abi_campaign;
#[cfg(test)]
mod test_images;

pub use config::{PartitionConfig, PartitionId, SystemConfig};
pub use console::{Arrival, Input};
pub use linux::Effect;
pub use loader::{Image, LoadError};
pub use machine::{Abi, Config, Counters, Limits, Machine, StartError};
pub use outcome::{Crash, CrashReason, Limit, Outcome, Progress, TrailEntry};
pub use partition::Partition;
pub use record::{Elision, Event, Omission, Recorder, Stamp, Unrecorded, Wanted};
pub use snapshot::{FrameId, MemoryId, RestoreError};
