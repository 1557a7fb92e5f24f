//! The costs of Callgrind's format add up, and callgrind_annotate reads them.

use super::run::{Everything, GUESTS, flight, guest, lines, root, run, traced};
use super::{program, python};
use export::{Callgrind, Export};
use hypervisor_core::Machine;
use std::collections::{BTreeMap, HashMap};
use trace::Both;

/// A function, by its object and name.
type Name = (String, String);

/// A file as a reader of the format understands it.
#[derive(Default)]
struct Costs {
    summary: u64,
    own: BTreeMap<Name, u64>,
    /// Of each line of each file, own.
    lines: BTreeMap<(String, u32), u64>,
    /// Of each address.
    places: BTreeMap<(String, u64), u64>,
    /// Caller, callee: times and cost.
    calls: BTreeMap<(Name, Name), (u64, u64)>,
    files: Vec<String>,
}

/// Reads the format as the manual of Valgrind has it, without relative positions.
fn read(text: &str) -> Costs {
    let mut costs = Costs::default();
    let (mut names, mut objects): (HashMap<String, String>, HashMap<String, String>) = Default::default();
    let mut files = HashMap::new();
    let name = |names: &mut HashMap<String, String>, word: &str| {
        let (number, name) = word.split_once(' ').map_or((word, None), |(number, name)| (number, Some(name)));
        if let Some(name) = name {
            assert!(names.insert(number.to_owned(), name.to_owned()).is_none(), "{number} is named twice");
        }
        names.get(number).unwrap_or_else(|| panic!("{number} has no name")).clone()
    };
    let (mut object, mut function, mut callee) = (String::new(), String::new(), None);
    let mut file = String::new();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("# callgrind format"));
    for line in lines {
        match line.split_once('=') {
            Some(("ob", word)) => object = name(&mut objects, word),
            Some(("fl" | "fi" | "fe", word)) => file = name(&mut files, word),
            Some(("cfi", word)) => drop(name(&mut files, word)),
            Some(("fn", word)) => function = name(&mut names, word),
            Some(("cfn", word)) => callee = Some((name(&mut names, word), 0)),
            Some(("calls", word)) => {
                let times = word.split(' ').next().and_then(|times| times.parse().ok()).expect("a number");
                callee.as_mut().expect("cfn comes before calls").1 = times;
            }
            Some((key, _)) => panic!("nobody knows {key}"),
            None if line.starts_with("0x") => {
                let words: Vec<&str> = line.split(' ').collect();
                let [address, source_line, cost] = words[..] else { panic!("not three columns: {line}") };
                let address = u64::from_str_radix(&address[2..], 16).expect("an address");
                let source_line = source_line.parse::<u32>().expect("a line");
                let cost: u64 = cost.parse().expect("a cost");
                let own = (object.clone(), function.clone());
                match callee.take() {
                    Some((callee, times)) => {
                        let call = costs.calls.entry((own, (object.clone(), callee))).or_default();
                        (call.0, call.1) = (call.0 + times, call.1 + cost);
                    }
                    None => {
                        *costs.own.entry(own).or_default() += cost;
                        *costs.lines.entry((file.clone(), source_line)).or_default() += cost;
                        *costs.places.entry((object.clone(), address)).or_default() += cost;
                    }
                }
            }
            None if line.is_empty() => {}
            None => {
                let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("nobody knows {line}"));
                if key == "summary" {
                    costs.summary = value.parse().expect("a number");
                }
            }
        }
    }
    costs.files = files.into_values().collect();
    costs
}

fn export(machine: Machine) -> (String, Everything, Vec<String>) {
    let system = traced(&machine);
    let mut text = Vec::new();
    let mut recorder = Both(Everything::default(), Callgrind::new(&system, &mut text));
    run(machine, &mut recorder);
    let Both(everything, mut export) = recorder;
    export.finish().expect("a vector takes all");
    drop(export);
    let names = system.partitions.iter().map(|partition| partition.name.clone()).collect();
    (String::from_utf8(text).expect("text"), everything, names)
}

fn of(object: &str, function: &str) -> Name {
    (object.to_owned(), function.to_owned())
}

#[test]
fn each_address_costs_what_it_ran_and_all_together_what_the_run_did() {
    let check = |machine, what: &str| {
        let (text, everything, names) = export(machine);
        let costs = read(&text);
        let mut places = BTreeMap::new();
        for ran in everything.instructions() {
            let object = names[ran.stamp.partition.index()].clone();
            *places.entry((object, u64::from(ran.eip))).or_insert(0) += 1;
        }
        assert_eq!(costs.places, places, "{what}");
        assert_eq!(costs.summary, places.values().sum::<u64>(), "{what}");
        assert_eq!(costs.own.values().sum::<u64>(), costs.summary, "{what}");
    };
    for name in GUESTS {
        check(guest(name), name);
    }
    check(flight(), "flight");
    check(lines(), "lines");
}

/// Own cost and calls of a function are what its callers paid, unless nobody called it or it is called by what it calls.
fn check_inclusive(costs: &Costs, uncalled: &[&str]) {
    for (function, own) in &costs.own {
        let called: u64 =
            costs.calls.iter().filter(|((_, callee), _)| callee == function).map(|(_, call)| call.1).sum();
        let calls: u64 =
            costs.calls.iter().filter(|((caller, _), _)| caller == function).map(|(_, call)| call.1).sum();
        if !uncalled.contains(&function.1.as_str()) {
            assert_eq!(called, own + calls, "{function:?}");
        }
    }
}

#[test]
fn callers_pay_for_what_they_call_and_not_for_what_interrupts() {
    let costs = read(&export(guest("ticker")).0);
    // The handler's last jump, to the call that returns, is in the place of the handler: called by nobody too.
    check_inclusive(&costs, &["_start", "pv_upcall_entry", "hypercall.iret"]);
    let upcalls: u64 =
        ["pv_upcall_entry", "hypercall.iret"].iter().map(|name| costs.own[&of("ticker", name)]).sum();
    let dispatch = costs.calls[&(of("ticker", "pv_upcall_entry"), of("ticker", "pv_dispatch_events"))];
    let begin = costs.calls[&(of("ticker", "_start"), of("ticker", "pv_begin"))];
    assert_eq!(dispatch.0, 350);
    assert_eq!(begin, (1, costs.summary - upcalls - dispatch.1 - costs.own[&of("ticker", "_start")]));
    let times = |caller, callee| costs.calls[&(of("ticker", caller), of("ticker", callee))].0;
    assert_eq!((times("main", "pv_block"), times("pv_block", "hypercall.block")), (350, 350));
}

#[test]
fn recursion_costs_once_and_sources_have_their_files() {
    let costs = read(&export(lines()).0);
    let factorial = of("lines", "factorial");
    let (again, below) = costs.calls[&(factorial.clone(), factorial.clone())];
    let (first, all) = costs.calls[&(of("lines", "main"), factorial.clone())];
    assert_eq!(all, costs.own[&factorial], "it calls nobody but itself");
    assert_eq!(again, 5 * first, "each call with 5 calls itself five times");
    assert!(below < all, "{below} {all}");
    assert!(costs.files.iter().any(|file| file == "./guest-images/lines/lines.c"), "{:?}", costs.files);
    assert!(costs.files.iter().any(|file| file == "./guest-images/layer/pv.c"), "{:?}", costs.files);
}

#[test]
fn threads_cost_what_they_ran_however_often_they_were_switched() {
    let costs = read(&export(guest("switch_in_upcall")).0);
    let of = |name| of("switch_in_upcall", name);
    for thread in ["first_thread", "second_thread"] {
        let (times, instructions) = costs.calls[&(of(thread), of("thread"))];
        assert_eq!(times, 1, "{thread}");
        assert!(instructions > 17_000, "{thread} {instructions}");
    }
    let thread: u64 =
        ["first_thread", "second_thread"].map(|name| costs.calls[&(of(name), of("thread"))].1).iter().sum();
    assert_eq!(thread, costs.own[&of("thread")]);
}

/// A number as callgrind_annotate writes it.
fn number(word: &str) -> u64 {
    word.replace(',', "").parse().unwrap_or_else(|_| panic!("no number: {word}"))
}

/// Each line of the guest's source has the cost that was written; returns how many could be told from others.
fn check_lines(costs: &Costs, said: &str) -> usize {
    const FILE: &str = "./guest-images/lines/lines.c";
    let source = std::fs::read_to_string(root().join(FILE)).expect("the source");
    let (_, annotated) = said.split_once(&format!("Auto-annotated source: {FILE}")).expect("the source");
    let annotated = annotated.split("Auto-annotated source: ").next().expect("its lines");
    let mut checked = 0;
    for ((file, line), cost) in &costs.lines {
        let place = (*line as usize).checked_sub(1).filter(|_| file == FILE);
        let text = place.and_then(|place| source.lines().nth(place));
        let Some(text) = text.filter(|text| source.matches(text).count() == 1) else { continue };
        // `1,234 (56.7%)      ticks += times;`
        let said = annotated.lines().find(|line| line.ends_with(&format!(")  {text}")));
        let said = said.unwrap_or_else(|| panic!("{text}\n{annotated}"));
        assert_eq!(number(said.split_whitespace().next().expect("a number")), *cost, "{said}");
        checked += 1;
    }
    checked
}

#[test]
fn callgrind_annotate_reads_what_we_wrote() {
    for (machine, name, function) in [
        (guest("ticker"), "ticker", "pv_dispatch_events"),
        (lines(), "lines", "factorial"),
        (flight(), "nav", "main"),
    ] {
        let text = export(machine).0;
        let costs = read(&text);
        let folder = python::TemporaryFolder::new(&format!("callgrind-{name}"));
        let path = folder.path().join("callgrind.out");
        std::fs::write(&path, text).expect("the file can be written");
        let arguments = ["--auto=yes", "--threshold=100", "--tree=both", path.to_str().expect("a path")];
        let Some(said) = program::ask("callgrind_annotate", "valgrind", &arguments) else { return };
        let total = said.lines().find(|line| line.ends_with("PROGRAM TOTALS")).expect("a total");
        assert_eq!(number(total.split_whitespace().next().expect("a number")), costs.summary, "{name}");
        // `1,234 (56.7%)  * file:function [object]`
        let end = format!(":{function} [{name}]");
        let line = said.lines().find(|line| line.contains("  * ") && line.ends_with(&end));
        let line = line.unwrap_or_else(|| panic!("no line of {end}:\n{said}"));
        let own = line.split_whitespace().next().expect("a number");
        assert_eq!(number(own), costs.own[&of(name, function)], "{line}");
        if name == "lines" {
            assert!(check_lines(&costs, &said) > 10, "the source is not annotated:\n{said}");
        }
    }
}
