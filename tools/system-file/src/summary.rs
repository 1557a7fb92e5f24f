//! A system in a few lines.

use crate::quantities::time;
use hypervisor_core::config::SystemConfig;
use std::fmt;

/// What a system is made of, and how busy each partition can be in the plan that starts.
#[derive(Debug)]
pub struct Summary<'s>(pub &'s SystemConfig);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(system) = self;
        let windows: usize = system.plans.iter().map(|plan| plan.windows.len()).sum();
        let counted =
            |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        write!(
            f,
            "{}, {}, {}",
            counted(system.partitions.len(), "partition"),
            counted(system.plans.len(), "plan"),
            counted(windows, "window")
        )?;
        let Some(plan) = system.plans.first() else {
            return write!(f, "; `{}` always runs", system.partitions.first().map_or("", |only| &only.name));
        };
        write!(f, "; `{}` ({})", plan.name, time(system.rate.nanoseconds(plan.frame)))?;
        let mut shares = vec![0_u128; system.partitions.len()];
        let mut idle = u128::from(plan.frame);
        for window in &plan.windows {
            shares[window.partition.index()] += u128::from(window.length);
            idle = idle.saturating_sub(u128::from(window.length));
        }
        let mut separator = ": ";
        let named = system.partitions.iter().map(|partition| partition.name.as_str()).zip(shares);
        for (name, share) in named.chain([("idle", idle)]) {
            let tenths = share * 1000 / u128::from(plan.frame.max(1));
            write!(f, "{separator}{name} {}.{}%", tenths / 10, tenths % 10)?;
            separator = ", ";
        }
        Ok(())
    }
}
