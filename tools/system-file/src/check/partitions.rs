//! Each partition by itself: its image fits its memory, its arguments fit their page; and what only one may have.

use crate::diagnostic::{Diagnostic, Spanned, has_errors};
use crate::keys::SYSTEM_MOST_BYTES;
use crate::model::{Partition, System};
use crate::quantities::size;
use hypervisor_core::boot::{COMMAND_LINE_MOST_BYTES, memory_need};
use hypervisor_core::health::HealthEvent;

/// Reports what is wrong with partitions.
pub fn check(system: &System, diagnostics: &mut Vec<Diagnostic>) {
    // One that could not be read is reported already.
    if system.partitions.is_empty() && !has_errors(diagnostics) {
        diagnostics.push(
            Diagnostic::error("this system has no partition")
                .at(0..0, "")
                .help("describe one: [[partition]] with `name` and `image`"),
        );
    }
    for partition in &system.partitions {
        diagnostics.extend(memory(partition));
        diagnostics.extend(arguments(partition));
    }
    one_reader(system, diagnostics);
    diagnostics.extend(total(system));
}

fn memory(partition: &Partition) -> Option<Diagnostic> {
    let (image, has) = (partition.image.as_deref()?, partition.memory.as_ref()?);
    let path = partition.image_path.as_ref()?;
    let need = match memory_need(image) {
        Ok(need) => need,
        Err(error) => {
            let title = format!("this image cannot be placed in memory: {error}");
            return Some(
                not_started(partition, title)
                    .at(path.span.clone(), "")
                    .help("link it above the memory's start"),
            );
        }
    };
    let short = need.total_bytes().checked_sub(has.value).filter(|short| *short > 0)?;
    let enough = need.total_bytes().next_multiple_of(64 << 10) >> 10;
    Some(
        not_started(partition, format!("this partition has {} too little memory for its image", size(short)))
            .at(has.span.clone(), format!("the memory is {}", size(has.value)))
            .also(path.span.clone(), format!("needs {}", size(need.total_bytes())))
            .note(format!(
                "{} from the start of memory to the image's end, {} for its stack, {} for its work area",
                size(need.image_bytes),
                size(need.stack_bytes),
                size(need.work_area_bytes)
            ))
            .help(format!("write `memory = \"{enough}KiB\"` or more")),
    )
}

/// The system runs without a partition that cannot be started if its health table answers that.
fn not_started(partition: &Partition, title: String) -> Diagnostic {
    if partition.answers(HealthEvent::Configuration) {
        return Diagnostic::warning(title)
            .note("it is not started: its health table answers `configuration`");
    }
    Diagnostic::error(title)
}

fn arguments(partition: &Partition) -> Option<Diagnostic> {
    if let Some(word) = partition.arguments.iter().find(|word| word.value.contains('\0')) {
        let diagnostic = Diagnostic::error("an argument may not have a zero byte in it");
        return Some(
            diagnostic.at(word.span.clone(), "").help("the command line ends at a zero byte: take it out"),
        );
    }
    let joined: usize = partition.arguments.iter().map(|word| word.value.len() + 1).sum();
    let (length, most) = (joined.saturating_sub(1), COMMAND_LINE_MOST_BYTES as usize);
    let (first, last) = (partition.arguments.first()?, partition.arguments.last()?);
    (length > most).then(|| {
        Diagnostic::error(format!("the arguments are {length} bytes long with blanks between them"))
            .at(first.span.start..last.span.end, "")
            .help(format!("a guest's command line has at most {most} bytes: shorten them"))
    })
}

fn one_reader(system: &System, diagnostics: &mut Vec<Diagnostic>) {
    let mut readers = system
        .partitions
        .iter()
        .filter_map(|partition| partition.console_input.as_ref())
        .filter(|reads: &&Spanned<bool>| reads.value);
    let Some(first) = readers.next() else { return };
    for another in readers {
        diagnostics.push(
            Diagnostic::error("two partitions read the console's input")
                .at(another.span.clone(), "the second")
                .also(first.span.clone(), "the first")
                .help("give it to one of them: each byte arrives once"),
        );
    }
}

fn total(system: &System) -> Option<Diagnostic> {
    let of_partition = |partition: &Partition| {
        let module = partition.module.as_ref().map_or(0, |module| module.len() as u64);
        partition.memory.as_ref().map_or(0, |memory| memory.value) + module
    };
    let partitions: u64 = system.partitions.iter().map(of_partition).sum();
    let shared: u64 = system.shared.iter().filter_map(|area| Some(area.size.as_ref()?.value)).sum();
    let queues: u64 = system
        .queuings
        .iter()
        .filter_map(|queue| Some(queue.message.as_ref()?.value * queue.depth.as_ref()?.value))
        .sum();
    let total = partitions + shared + queues;
    (total > SYSTEM_MOST_BYTES).then(|| {
        Diagnostic::error(format!("this system has {} of memory", size(total)))
            .at(system.partitions.first().map_or(0..0, |partition| partition.header.clone()), "")
            .note(format!(
                "{} in partitions, {} in shared areas, {} in queues",
                size(partitions),
                size(shared),
                size(queues)
            ))
            .help(format!("a system has at most {}: give some partitions less", size(SYSTEM_MOST_BYTES)))
    })
}
