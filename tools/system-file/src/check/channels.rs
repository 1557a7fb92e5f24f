//! Ports and areas: their ends are different partitions, and they fit into memory.

use crate::diagnostic::{Diagnostic, Spanned};
use crate::keys::QUEUE_MOST_BYTES;
use crate::model::{Queuing, Shared, System};
use crate::quantities::size;
use hypervisor_core::config::PartitionId;

/// Reports what is wrong with channels.
pub fn check(system: &System, diagnostics: &mut Vec<Diagnostic>) {
    for channel in &system.event_channels {
        if let (Some(from), Some(to)) = (&channel.from, &channel.to) {
            diagnostics.extend(to_itself(
                system,
                from,
                to,
                "bind a port to itself with the call `event_bind_self`",
            ));
        }
    }
    const ADVICE: &str = "a port leads from one partition to another";
    for port in &system.samplings {
        if let Some(from) = &port.from {
            diagnostics.extend(port.to.iter().filter_map(|to| to_itself(system, from, to, ADVICE)));
        }
        if port.is_without_readers {
            diagnostics.push(
                Diagnostic::error(format!("nobody reads the sampling port `{}`", port.name.value))
                    .at(port.name.span.clone(), "")
                    .help("name readers: to = [\"name\"]"),
            );
        }
    }
    for port in &system.queuings {
        if let (Some(from), Some(to)) = (&port.from, &port.to) {
            diagnostics.extend(to_itself(system, from, to, ADVICE));
        }
        diagnostics.extend(too_large(port));
        diagnostics.extend(half_a_burst(port));
    }
    for area in &system.shared {
        members(system, area, diagnostics);
    }
}

fn to_itself(
    system: &System,
    from: &Spanned<PartitionId>,
    to: &Spanned<PartitionId>,
    advice: &str,
) -> Option<Diagnostic> {
    (from.value == to.value).then(|| {
        let name = system.partition_name(from.value);
        Diagnostic::error(format!("{name} is on both ends of this"))
            .at(to.span.clone(), "the same partition again")
            .also(from.span.clone(), "this end")
            .help(advice)
    })
}

fn too_large(port: &Queuing) -> Option<Diagnostic> {
    let (message, depth) = (port.message.as_ref()?, port.depth.as_ref()?);
    let total = message.value * depth.value;
    (total > QUEUE_MOST_BYTES).then(|| {
        Diagnostic::error(format!("this queue needs {} of memory", size(total)))
            .at(depth.span.clone(), format!("{} messages", depth.value))
            .also(message.span.clone(), format!("of {} each", size(message.value)))
            .help(format!("a queue has at most {}: make it shallower", size(QUEUE_MOST_BYTES)))
    })
}

fn half_a_burst(port: &Queuing) -> Option<Diagnostic> {
    let (span, missing, example) = match (&port.burst, &port.period) {
        (Some(burst), None) => (&burst.span, "period", "\"20ms\""),
        (None, Some(period)) => (&period.span, "burst", "4"),
        (None, None) => (&port.drain.as_ref()?.span, "burst", "4"),
        (Some(_), Some(_)) => return None,
    };
    Some(Diagnostic::error(format!("this says nothing without `{missing}`")).at(span.clone(), "").help(
        format!(
            "add `{missing} = {example}`: so many messages (burst) are sent at most in that time (period)"
        ),
    ))
}

fn members(system: &System, area: &Shared, diagnostics: &mut Vec<Diagnostic>) {
    for reader in &area.readers {
        if let Some(writer) = area.writers.iter().find(|writer| writer.value == reader.value) {
            let name = system.partition_name(reader.value);
            diagnostics.push(
                Diagnostic::error(format!("{name} is a writer and a reader of this area"))
                    .at(reader.span.clone(), "a writer reads, too")
                    .also(writer.span.clone(), "the writer")
                    .help("take it out of `readers`"),
            );
        }
    }
    if area.is_damaged {
        return;
    }
    let name = &area.name.value;
    if area.writers.is_empty() && area.readers.is_empty() {
        diagnostics.push(
            Diagnostic::error(format!("nobody sees the shared area `{name}`"))
                .at(area.header.clone(), "")
                .help("name its members: writers = [\"name\"], readers = [\"name\"]"),
        );
    } else if area.writers.is_empty() {
        diagnostics.push(
            Diagnostic::warning(format!("nobody can write to the shared area `{name}`: it stays zero"))
                .at(area.header.clone(), "")
                .help("name who may write: writers = [\"name\"]"),
        );
    } else if area.writers.len() + area.readers.len() == 1 {
        diagnostics.push(
            Diagnostic::warning(format!("only one partition sees the shared area `{name}`"))
                .at(area.header.clone(), "")
                .help("name others in `writers` or `readers`, or give the partition more memory of its own"),
        );
    }
}
