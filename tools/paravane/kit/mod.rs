//! `paravane kit`: runs the conformance guests and says which clauses of the ABI hold.

mod guests;
mod trial;

use crate::arguments::Kit;
use crate::output::{Ended, Output};
use crate::status::Status;
use guests::{GUESTS, KitGuest};
use recording::files::bytes_of;
use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;
use trial::try_guest;

/// Runs the kit, or lists it.
///
/// # Errors
/// A name stands for no guest, or stdout fails.
pub fn kit(kit: &Kit) -> Result<Status, Ended> {
    let mut output = Output::stdout();
    let chosen = chosen(kit)?;
    if kit.list {
        for KitGuest { clause, name, .. } in &chosen {
            output.write(format!("{clause} {name}\n").as_bytes())?;
        }
        output.flush()?;
        return Ok(Status::Success);
    }
    let mut tally: Vec<Tally> = Vec::new();
    for guest in &chosen {
        let KitGuest { clause, name, .. } = guest;
        let verdict = file_of(guest, kit.image.as_deref()).and_then(|file| try_guest(&file, clause, name));
        let line = match &verdict {
            Ok(()) => format!("PASS {clause} {name}\n"),
            Err(why) => format!("FAIL {clause} {name} {why}\n"),
        };
        output.write(line.as_bytes())?;
        output.flush()?;
        count(&mut tally, clause, verdict.is_ok());
    }
    output.write(summary(&tally).as_bytes())?;
    output.flush()?;
    let holds = tally.iter().all(Tally::holds);
    Ok(if holds { Status::Success } else { Status::Different })
}

/// The guests that the names stand for; all of them without names, or the one whose file is given.
fn chosen(kit: &Kit) -> Result<Vec<KitGuest>, Ended> {
    if let Some(path) = kit.image.as_deref().filter(|path| !path.exists()) {
        let shown = path.display();
        return Err(Ended::Failed(format!("{shown}: there is no such file or folder: check the path")));
    }
    let mut names: Vec<Cow<'_, str>> = kit.names.iter().map(|name| Cow::Borrowed(name.as_str())).collect();
    if let Some(path) = kit.image.as_deref()
        && names.is_empty()
        && !path.is_dir()
    {
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy()));
    }
    for name in &names {
        if !GUESTS.iter().any(|guest| stands_for(name, guest)) {
            return Err(Ended::Failed(format!(
                "the kit has no guest and no clause `{name}`: `paravane kit --list` shows what it has"
            )));
        }
    }
    let is_chosen = |guest: &&KitGuest| names.is_empty() || names.iter().any(|name| stands_for(name, guest));
    let chosen: Vec<KitGuest> = GUESTS.iter().filter(is_chosen).copied().collect();
    if kit.image.as_deref().is_some_and(|path| !path.is_dir()) && chosen.len() != 1 {
        return Err(Ended::Failed(
            "--image names a file, which can be one guest only: name that guest, or give --image a folder"
                .to_owned(),
        ));
    }
    Ok(chosen)
}

fn stands_for(name: &str, guest: &KitGuest) -> bool {
    name == guest.name || name.eq_ignore_ascii_case(guest.clause)
}

/// The guest's ELF file: its own, or the one that the user built.
fn file_of(guest: &KitGuest, image: Option<&Path>) -> Result<Cow<'static, [u8]>, String> {
    let Some(path) = image else { return Ok(Cow::Borrowed(guest.image)) };
    let path = if path.is_dir() { path.join(format!("{}.elf", guest.name)) } else { path.to_path_buf() };
    bytes_of(&path).map(Cow::Owned).map_err(|why| format!("{}: {why}", path.display()))
}

/// What became of the guests of one clause.
struct Tally {
    clause: &'static str,
    guests: u32,
    agree: u32,
}

impl Tally {
    fn holds(&self) -> bool {
        self.agree == self.guests
    }
}

fn count(tally: &mut Vec<Tally>, clause: &'static str, agrees: bool) {
    if tally.last().is_none_or(|last| last.clause != clause) {
        tally.push(Tally { clause, guests: 0, agree: 0 });
    }
    if let Some(last) = tally.last_mut() {
        last.guests += 1;
        last.agree += u32::from(agrees);
    }
}

/// By clause. Without the words that begin a guest's line, so that these can be searched for and counted.
fn summary(tally: &[Tally]) -> String {
    let mut text = String::from("\nclause  guests  agree\n");
    for Tally { clause, guests, agree } in tally {
        let _ = writeln!(text, "{clause:<6}  {guests:>6}  {agree:>5}");
    }
    let broken: Vec<&str> = tally.iter().filter(|tally| !tally.holds()).map(|tally| tally.clause).collect();
    let guests: u32 = tally.iter().map(|tally| tally.guests).sum();
    let _ = match broken.as_slice() {
        [] => writeln!(text, "\n{} clauses, {guests} guests: all hold.", tally.len()),
        broken => writeln!(
            text,
            "\n{} clauses, {guests} guests: {} do not hold: {}.",
            tally.len(),
            broken.len(),
            broken.join(" ")
        ),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::{count, summary};

    #[test]
    fn the_summary_has_a_row_for_each_clause_and_names_the_broken_ones() {
        let mut tally = Vec::new();
        for (clause, agrees) in [("B1", true), ("X1", true), ("X1", false)] {
            count(&mut tally, clause, agrees);
        }
        let text = summary(&tally);
        assert!(text.contains("\nB1           1      1\nX1           2      1\n"), "{text}");
        assert!(text.ends_with("2 clauses, 3 guests: 1 do not hold: X1.\n"), "{text}");
        assert!(!text.contains("PASS") && !text.contains("FAIL"), "{text}");
    }
}
