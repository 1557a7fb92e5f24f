//! Which partitions the command line chooses.

use crate::output::Ended;

/// Of each partition, whether it is shown: all of them, unless some are named.
///
/// # Errors
/// One line: a name that there is not, or a name where there is only one partition.
pub fn shown_partitions(
    chosen: &[String],
    names: &[String],
    is_system: bool,
    file: &str,
) -> Result<Vec<bool>, Ended> {
    if !chosen.is_empty() && !is_system {
        return Err(Ended::Failed(format!(
            "--partition chooses partitions of a system file, and {file} is a single guest: leave it out"
        )));
    }
    if let Some(unknown) = chosen.iter().find(|name| !names.contains(name)) {
        return Err(Ended::Failed(format!(
            "--partition: {file} has no partition `{unknown}`; it has {}",
            names.join(", ")
        )));
    }
    Ok(names.iter().map(|name| chosen.is_empty() || chosen.contains(name)).collect())
}
