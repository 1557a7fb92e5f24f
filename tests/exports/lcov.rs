//! Line coverage says of each line with code whether it ran, and genhtml reads it.

use super::run::{Everything, guest, lines, root, run, traced};
use super::{program, python};
use export::{Export, Lcov};
use std::collections::BTreeMap;
use trace::Both;

const FILE: &str = "./guest-images/lines/lines.c";

/// Lines and functions of a file with their counts.
#[derive(Default)]
struct Covered {
    lines: BTreeMap<u32, u64>,
    functions: BTreeMap<String, u64>,
}

fn exported() -> (String, Everything) {
    let machine = lines();
    let mut text = Vec::new();
    let mut recorder = Both(Everything::default(), Lcov::new(&traced(&machine), &mut text));
    run(machine, &mut recorder);
    let Both(everything, mut export) = recorder;
    export.finish().expect("a vector takes all");
    drop(export);
    (String::from_utf8(text).expect("text"), everything)
}

/// Reads the format as the manual page of geninfo has it.
fn read(text: &str) -> BTreeMap<String, Covered> {
    let mut files: BTreeMap<String, Covered> = BTreeMap::new();
    let mut file = String::new();
    let pair =
        |value: &str| value.split_once(',').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a pair");
    for line in text.lines() {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let covered = files.entry(file.clone()).or_default();
        match key {
            "SF" => file = value.to_owned(),
            "FN" => drop(covered.functions.insert(pair(value).1, u64::MAX)),
            "FNDA" => {
                let (count, name) = pair(value);
                let told = covered.functions.insert(name, count.parse().expect("a count"));
                assert_eq!(told, Some(u64::MAX), "FN comes before FNDA, and FNDA once: {line}");
            }
            "DA" => {
                let (number, count) = pair(value);
                let count = count.parse().expect("a count");
                assert!(
                    covered.lines.insert(number.parse().expect("a line"), count).is_none(),
                    "{line} twice"
                );
            }
            "LF" => assert_eq!(value, covered.lines.len().to_string()),
            "LH" => assert_eq!(value, hit(&covered.lines).to_string()),
            "FNF" => assert_eq!(value, covered.functions.len().to_string()),
            "FNH" => assert_eq!(value, hit(&covered.functions).to_string()),
            "TN" => {}
            "end_of_record" => file.clear(),
            _ => panic!("nobody knows {line}"),
        }
    }
    files.remove("");
    files
}

fn hit<K>(counts: &BTreeMap<K, u64>) -> usize {
    counts.values().filter(|count| **count > 0).count()
}

#[test]
fn lines_and_functions_have_the_counts_of_what_ran() {
    let (text, everything) = exported();
    let files = read(&text);
    let covered = &files[FILE];
    let source = std::fs::read_to_string(root().join(FILE)).expect("the source");
    let line = |text: &str| {
        let place = source.lines().position(|line| line.contains(text)).expect("the line");
        covered.lines.get(&(place as u32 + 1)).copied()
    };
    let image = &traced(&lines()).partitions[0].image;
    let ran = |name: &str| {
        let entry = image.symbols.named(name).expect("the symbol").address;
        everything.instructions().filter(|ran| ran.eip == entry).count() as u64
    };
    assert_eq!(line("total = 17;"), Some(0));
    assert_eq!(line("static volatile uint32_t total;"), None);
    assert_eq!(line("ticks += times;"), Some(3));
    assert_eq!(line("pv_print("), Some(1));
    assert_eq!(
        line("uint32_t smaller = factorial(number - 1);").map(|count| count * 6),
        Some(ran("factorial") * 5)
    );
    for (name, count) in [("main", 1), ("on_tick", 3), ("not_called", 0), ("factorial", ran("factorial"))] {
        assert_eq!((name, covered.functions[name]), (name, count));
    }
    assert_eq!(files["./guest-images/layer/pv.c"].functions["pv_print"], 1);
}

#[test]
fn genhtml_finds_the_same_lines_and_functions() {
    let (text, _) = exported();
    let files = read(&text);
    let folder = python::TemporaryFolder::new("lcov");
    let (path, pages) = (folder.path().join("lines.info"), folder.path().join("pages"));
    std::fs::write(&path, text).expect("the file can be written");
    // GNU as does not say in which folder the assembler code of the layer lies.
    let missing = ["--ignore-errors", "source"];
    let output = ["--output-directory", pages.to_str().expect("a path")];
    let arguments = [&missing[..], &output, &[path.to_str().expect("a path")]].concat();
    let Some(said) = program::ask("genhtml", "lcov", &arguments) else { return };
    let of_all = |counts: fn(&Covered) -> (usize, usize)| {
        let all: Vec<_> = files.values().map(counts).collect();
        let (hit, found) = (
            all.iter().map(|(hit, _)| hit).sum::<usize>(),
            all.iter().map(|(_, found)| found).sum::<usize>(),
        );
        format!("({hit} of {found} ")
    };
    let lines = of_all(|covered| (hit(&covered.lines), covered.lines.len())) + "lines)";
    let functions = of_all(|covered| (hit(&covered.functions), covered.functions.len())) + "functions)";
    assert!(said.contains(&lines) && said.contains(&functions), "{lines} {functions}\n{said}");
    let pages: Vec<_> = walk(&pages);
    let page = pages.iter().find(|page| page.ends_with("lines.c.gcov.html"));
    let page = page.unwrap_or_else(|| panic!("{pages:?}"));
    let page = without_tags(&std::fs::read_to_string(page).expect("a page"));
    for (number, count) in &files[FILE].lines {
        // `      31               3 :     ticks += times;`
        let line = page.lines().find_map(|line| {
            let (columns, _) = line.split_once(" :")?;
            let mut columns = columns.split_whitespace();
            (columns.next()? == number.to_string()).then(|| columns.next_back().map(str::to_owned))?
        });
        assert_eq!(line, Some(count.to_string()), "line {number}");
    }
}

fn without_tags(page: &str) -> String {
    page.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path.display().to_string()] })
        .collect()
}

#[test]
fn an_image_without_source_lines_says_what_to_do() {
    let machine = guest("hello");
    let mut export = Lcov::new(&traced(&machine), Vec::new());
    run(machine, &mut export);
    let error = export.finish().expect_err("there are no lines").to_string();
    assert!(error.contains("-g"), "{error}");
}
