//! The table of comma-separated values says what the text trace says.

use super::python;
use super::run::{GUESTS, flight, guest, run, traced};
use export::{Csv, Export};
use hypervisor_core::Machine;
use trace::{Both, SystemTrace};

/// The fields of a row by RFC 4180. No sample has a line feed in a field.
fn fields(row: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = row.chars().peekable();
    while let Some(character) = characters.next() {
        let last = fields.last_mut().unwrap();
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => last.push(characters.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => last.push(other),
        }
    }
    fields
}

/// What a row would be as a line of the text trace, without the alignment of its columns.
fn as_line(row: &[String]) -> String {
    let [kind, partition, number, time_ns, eip, place, bytes, text, registers, flags, ..] = row else {
        panic!("{row:?}")
    };
    let time: u64 = time_ns.parse().unwrap();
    let time = format!("{}.{:09}", time / 1_000_000_000, time % 1_000_000_000);
    let line = match kind.as_str() {
        "instruction" => {
            format!("{partition} #{number} {time} {eip} {place} {bytes} {text} {registers} {flags}")
        }
        event => format!("{partition} #{number} {time} == {event} {text}"),
    };
    words(&line)
}

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line of the text trace without its accesses; and these as `104010=0007`, reads and then writes.
fn apart(line: &str) -> (String, [Vec<String>; 2]) {
    let mut accesses = [Vec::new(), Vec::new()];
    let mut rest = line.to_owned();
    let is_access = |text: &str| !line.contains(" == ") && (text.contains("]->") || text.contains("]<-"));
    while let Some(begin) = rest.rfind(" [").filter(|begin| is_access(&rest[*begin..])) {
        let access = rest.split_off(begin);
        let (place, value) = access[2..].split_once(']').unwrap();
        let address = &place[..8];
        let kind = usize::from(value.starts_with("<-"));
        accesses[kind].insert(0, format!("{address}={}", &value[2..]));
    }
    (words(&rest), accesses)
}

fn check(machine: Machine, name: &str) {
    let mut table = Vec::new();
    let csv = Csv::new(&traced(&machine), &mut table);
    let mut recorder = Both(csv, SystemTrace::new(&traced(&machine), |_| true));
    run(machine, &mut recorder);
    recorder.0.finish().unwrap();
    let text = String::from_utf8(recorder.1.text().to_vec()).unwrap();
    drop(recorder);
    let table = String::from_utf8(table).unwrap();
    let mut rows = table.lines().map(fields);
    let header = rows.next().unwrap().join(",");
    assert_eq!(header, "kind,partition,number,time_ns,eip,place,bytes,text,registers,flags,reads,writes");
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(" #")).collect();
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), lines.len(), "{name}: a row for each line");
    for (row, line) in rows.iter().zip(lines) {
        let (line, accesses) = apart(line);
        assert_eq!(row.len(), 12, "{row:?}");
        assert_eq!(as_line(row), line, "{name}");
        assert_eq!([&row[10], &row[11]], accesses.each_ref().map(|list| list.join(" ")).each_ref(), "{line}");
    }
}

/// Prints each row with a separator that no field has.
const PRINT_ALL: &str = "
import csv, sys
for row in csv.reader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True):
    print(*row, sep='\\x1f')
";

#[test]
fn pythons_reader_finds_the_same_fields() {
    let machine = flight();
    let mut table = Vec::new();
    let mut csv = Csv::new(&traced(&machine), &mut table);
    run(machine, &mut csv);
    csv.finish().unwrap();
    drop(csv);
    let folder = python::TemporaryFolder::new("csv");
    let path = folder.path().join("flight.csv");
    std::fs::write(&path, &table).unwrap();
    let Some(printed) = python::ask("csv", PRINT_ALL, &[path.to_str().unwrap()]) else { return };
    let table = String::from_utf8(table).unwrap();
    assert_eq!(printed.lines().count(), table.lines().count());
    for (printed, row) in printed.lines().zip(table.lines()) {
        assert_eq!(printed.split('\x1f').collect::<Vec<_>>(), fields(row));
    }
}

#[test]
fn each_row_says_what_the_line_of_the_text_trace_says() {
    for name in GUESTS {
        check(guest(name), name);
    }
    check(flight(), "flight");
}
