//! `paravane info`: what an ELF file asks for, as tables.

use crate::arguments::Info;
use crate::output::{Ended, Output};
use crate::quantities::size;
use crate::status::Status;
use emulator::Rights;
use hypervisor_core::Image;
use hypervisor_core::abi::{ABI_MAJOR, ABI_MINOR, AbiNote, Call, NOTE_ABI, NOTE_NAME};
use hypervisor_core::boot::memory_need;
use hypervisor_core::loader::{Symbol, SymbolKind};
use recording::GuestFile;
use std::fmt::Write;
use trace::describe;

/// Shows the file.
///
/// # Errors
/// The file is no image, or stdout fails.
pub fn info(info: &Info) -> Result<Status, Ended> {
    let file = GuestFile::open(&info.image)?;
    let text = if info.symbols { symbols(file.image.symbols.all()) } else { overview(&file) };
    let mut output = Output::stdout();
    output.write(text.as_bytes())?;
    output.flush()?;
    Ok(Status::Success)
}

fn overview(file: &GuestFile) -> String {
    let image = &file.image;
    let mut text = format!("{}: static i386 ELF executable\n\n", file.shown);
    for (name, value) in [
        ("entry", format!("0x{:08x} {}", image.entry, describe(&image.symbols, image.entry))),
        ("memory", memory(image)),
        ("ABI", abi(image)),
        ("calls", calls(image)),
        ("symbols", symbol_count(image)),
        ("hash", format!("{:032x}", image.hash)),
        ("build id", build_id(image)),
    ] {
        let _ = writeln!(text, "  {name:<8} {value}");
    }
    text.push_str("\n  segment   end       in memory   in file     rights\n");
    for segment in &image.segments {
        // The end of the last possible segment is 2^32.
        let (start, end) = (segment.address, segment.end());
        let (in_memory, in_file) = (size(segment.length_bytes.into()), size(segment.bytes.len() as u64));
        let _ = writeln!(
            text,
            "  {start:08x}  {end:08x}  {in_memory:<11} {in_file:<11} {}",
            rights(segment.rights)
        );
    }
    text
}

fn build_id(image: &Image) -> String {
    match image.build_id() {
        [] => "none".to_owned(),
        bytes => bytes.iter().take(64).map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn memory(image: &Image) -> String {
    if note(image).is_none() {
        let bytes = image.segments.iter().map(|segment| u64::from(segment.length_bytes)).sum();
        return format!("{} in segments", size(bytes));
    }
    match memory_need(image) {
        Ok(need) => format!(
            "{} at least: {} for the image, {} for its stack, {} for its work area",
            size(need.total_bytes()),
            size(need.image_bytes),
            size(need.stack_bytes),
            size(need.work_area_bytes)
        ),
        Err(error) => error.to_string(),
    }
}

fn note(image: &Image) -> Option<&[u8]> {
    let abi = image.notes.iter().find(|note| note.name == NOTE_NAME.as_bytes() && note.kind == NOTE_ABI)?;
    Some(&abi.description)
}

fn abi(image: &Image) -> String {
    let Some(note) = note(image) else {
        return "none: no Paravane guest, perhaps a Linux program for --abi linux".to_owned();
    };
    let note = match AbiNote::parse(note) {
        Ok(note) => note,
        Err(problem) => return problem.to_string(),
    };
    let (major, minor) = (note.version >> 16, note.version & 0xffff);
    let verdict = match note.check() {
        Ok(()) => format!("runs here (this is {ABI_MAJOR}.{ABI_MINOR})"),
        Err(problem) => format!("does not run here: {problem}"),
    };
    format!("Paravane {major}.{minor}, {verdict}")
}

fn calls(image: &Image) -> String {
    let Some(note) = note(image).and_then(|note| AbiNote::parse(note).ok()) else { return "none".to_owned() };
    let unknown: Vec<_> = note
        .calls
        .iter()
        .filter(|(number, hash)| {
            Call::from_number(*number).is_none_or(|call| call.description().signature_hash() != *hash)
        })
        .map(|(number, _)| format!("{number:02x}h"))
        .collect();
    match unknown.as_slice() {
        [] => format!("{} declared, all known", note.calls.len()),
        unknown => format!("{} declared, unknown or changed: {}", note.calls.len(), unknown.join(" ")),
    }
}

fn symbol_count(image: &Image) -> String {
    let all = image.symbols.all();
    let count = |kind| all.iter().filter(|symbol| symbol.kind == kind).count();
    match all.len() {
        0 => "none: traces and reports will show addresses only".to_owned(),
        _ => format!(
            "{} functions, {} objects, {} labels; --symbols lists them",
            count(SymbolKind::Function),
            count(SymbolKind::Object),
            count(SymbolKind::Label)
        ),
    }
}

fn symbols(symbols: &[Symbol]) -> String {
    let mut text = String::from("address   length    kind      name\n");
    for symbol in symbols {
        let kind = match symbol.kind {
            SymbolKind::Function => "function",
            SymbolKind::Object => "object",
            SymbolKind::Label => "label",
        };
        let _ =
            writeln!(text, "{:08x}  {:<8}  {kind:<8}  {}", symbol.address, symbol.length_bytes, symbol.name);
    }
    text
}

fn rights(rights: Rights) -> String {
    [(Rights::READ, 'r'), (Rights::WRITE, 'w'), (Rights::EXECUTE, 'x')]
        .into_iter()
        .map(|(right, letter)| if rights.contains(right) { letter } else { '-' })
        .collect()
}
