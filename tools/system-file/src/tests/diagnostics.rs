//! Every diagnostic: the first line of each, with the line of the file that it points to.

use super::{read_text, shown, titles};
use hypervisor_core::health::HealthEvent;

/// A system without a fault. Each case says what is changed in it.
const GOOD: &str = "\
[[partition]]
name = \"nav\"
image = \"builtin:ticker\"
rights = [\"plans\"]

[[partition]]
name = \"io\"
image = \"builtin:ticker\"

[[plan]]
name = \"cruise\"
windows = [
    { partition = \"nav\", length = \"5ms\" },
    { partition = \"io\", length = \"5ms\" },
]
";

/// Text to replace, its replacement, text to add at the end, and what is then found. Line 17 is the first that is added.
type Case = (&'static str, &'static str, &'static str, &'static [&'static str]);

const SYNTAX_AND_TYPES: [Case; 16] = [
    ("name = \"nav\"", "name = \"nav\"\nname = \"nav\"", "", &["3 error: duplicate key"]),
    ("", "", "", &[]),
    ("[[plan]]", "[[plan]", "", &["10 error: unclosed array table, expected `]`"]),
    ("\"nav\"\nimage", "\"nav\nimage", "", &["2 error: invalid basic string, expected `\"`"]),
    ("name = \"nav\"", "name = \"nav\"\nnmae = 1", "", &["3 error: unknown key `nmae` in this partition"]),
    (
        "name = \"nav\"",
        "name = \"nav\"\ncolour = 1",
        "",
        &["3 error: unknown key `colour` in this partition"],
    ),
    ("", "", "[clock]", &["17 error: unknown key `clock` in this system file"]),
    ("image = \"builtin:ticker\"\nrights", "rights", "", &["1 error: this partition has no `image`"]),
    (
        "\"io\"\nimage = \"builtin:ticker\"",
        "\"io\"\nimage = 5",
        "",
        &["8 error: `image` is text in quotes, not a number"],
    ),
    ("[\"plans\"]", "\"plans\"", "", &["4 error: `rights` is a list, not text"]),
    ("[\"plans\"]", "[\"plan\"]", "", &["4 error: `rights`: `plan` is not known here"]),
    ("name = \"nav\"", "name = \"Nav\"", "", &["2 error: `name`: a name may not have 'N' in it"]),
    (
        "length = \"5ms\" },\n]",
        "length = 5 },\n]",
        "",
        &["14 error: `length` is a duration in quotes, not a number"],
    ),
    ("length = \"5ms\" },\n]", "length = \"5\" },\n]", "", &["14 error: `length`: the unit is missing"]),
    (
        "length = \"5ms\" },\n]",
        "length = \"5 parsec\" },\n]",
        "",
        &["14 error: `length`: `parsec` is no unit of time"],
    ),
    ("length = \"5ms\" },\n]", "length = \"0ms\" },\n]", "", &["14 error: `length` is no time at all"]),
];

const PARTITIONS: [Case; 16] = [
    ("rights", "memory = \"2\"\nrights", "", &["4 error: `memory`: the unit is missing"]),
    ("rights", "memory = \"5000B\"\nrights", "", &["4 error: `memory`: 4.9 KiB is not possible here"]),
    (
        "rights",
        "memory = \"65537B\"\nrights",
        "",
        &["4 error: `memory`: 65537 bytes are no multiple of 4 KiB"],
    ),
    ("rights", "policy = \"virtual\"\nrights", "", &["4 error: the policy `virtual` is not there yet"]),
    (
        "rights",
        "io_ports = [\"3ff-3f8\"]\nrights",
        "",
        &["4 error: `io_ports`: the range `3ff-3f8` ends before it begins"],
    ),
    (
        "rights",
        "arguments = [\"a\\u0000\"]\nrights",
        "",
        &["4 error: an argument may not have a zero byte in it"],
    ),
    ("rights", "restarts = -1\nrights", "", &["4 error: `restarts`: this number is not possible here"]),
    (
        "rights",
        "boot_module = \"none\"\nrights",
        "",
        &["4 error: this boot module cannot be read: there is no such file: check the path"],
    ),
    (
        "rights",
        "illegal_calls = { most = 3 }\nrights",
        "",
        &["4 error: this rate of illegal calls has no `per`"],
    ),
    (
        "\"nav\"\nimage = \"builtin:ticker\"",
        "\"nav\"\nimage = \"none.elf\"",
        "",
        &["3 error: the image `none.elf` cannot be read: there is no such file: check the path"],
    ),
    (
        "\"nav\"\nimage = \"builtin:ticker\"",
        "\"nav\"\nimage = \"no.elf\"",
        "",
        &["3 error: `no.elf` is no image: this is not an ELF file: give a static i386 ELF executable"],
    ),
    ("rights", "console_input = true\nrights", "", &[]),
    (
        "rights = [\"plans\"]\n\n[[partition]]",
        "console_input = true\n[[partition]]\nconsole_input = true",
        "",
        &["6 error: two partitions read the console's input"],
    ),
    (
        "name = \"io\"",
        "name = \"nav\"",
        "",
        &["7 error: there is already a partition called `nav`", "14 error: no partition is called `io`"],
    ),
    ("partition = \"io\"", "partition = \"oi\"", "", &["14 error: no partition is called `oi`"]),
    (
        "[[plan]]\nname = \"cruise\"\nwindows = [\n    { partition = \"nav\", length = \"5ms\" },\n    { partition = \"io\", length = \"5ms\" },\n]\n",
        "",
        "",
        &["6 error: several partitions need a plan that says who runs when"],
    ),
];

const PLANS: [Case; 11] = [
    (
        "length = \"5ms\" },\n]",
        "start = \"4ms\", length = \"5ms\" },\n]",
        "",
        &["14 error: windows overlap by 1 ms"],
    ),
    ("windows = [", "frame = \"9ms\"\nwindows = [", "", &["15 error: a window ends 1 ms after the frame"]),
    (
        "length = \"5ms\" },\n]",
        "length = \"5ns\" },\n]",
        "",
        &["14 warning: `length` is no whole number of units of virtual time"],
    ),
    (
        "{ partition = \"io\", length = \"5ms\" },\n",
        "",
        "",
        &["7 warning: `io` has no window in any plan: it never runs"],
    ),
    ("partition = \"nav\", ", "", "", &["2 warning: `nav` has no window in any plan: it never runs"]),
    (
        "length = \"5ms\" },\n]",
        "length = \"4611686018427387905u\" },\n]",
        "",
        &["14 error: `length` is longer than the clock can count"],
    ),
    (
        "rights = [\"plans\"]",
        "",
        "[[plan]]\nname = \"safe\"\nwindows = [{ partition = \"nav\", length = \"1ms\" }]",
        &["18 warning: nothing ever switches to the plan `safe`"],
    ),
    (
        "",
        "",
        "[[plan]]\nname = \"safe\"\nwindows = []",
        &["17 error: a plan without windows needs a `frame`"],
    ),
    (
        "",
        "",
        "[[plan]]\nname = \"safe\"\nwindows = [{ partition = \"nav\", length = \"1ms\" }]\non_start = { io = \"cold_restart\" }",
        &["20 warning: `io` is started again by a plan in which it has no window"],
    ),
    (
        "",
        "",
        "[[plan]]\nname = \"safe\"\nwindows = [{ partition = \"nav\", length = \"1ms\" }]\non_start = { nav = \"cold\" }",
        &["20 error: `nav`: `cold` is not known here"],
    ),
    (
        "windows = [\n    { partition = \"nav\", length = \"5ms\" },\n    { partition = \"io\", length = \"5ms\" },\n]\n",
        "windows = [{ length = \"1ms\" }]\n",
        "",
        &[
            "2 warning: `nav` has no window in any plan: it never runs",
            "7 warning: `io` has no window in any plan: it never runs",
            "10 error: nobody runs in the plan that starts, and so nothing ever happens",
        ],
    ),
];

const CHANNELS: [Case; 15] = [
    (
        "    { partition = \"nav\", length = \"5ms\" },\n",
        "",
        "[[plan]]\nname = \"b\"\nwindows = [{ partition = \"nav\", length = \"5ms\" }]\n[[sampling]]\nname = \"a\"\nfrom = \"nav\"\nto = [\"io\"]\nmessage = \"4B\"\nrefresh = \"1s\"",
        &["21 warning: `nav` has no window in the plan `cruise`, in which `io` reads"],
    ),
    (
        "",
        "",
        "[[event_channel]]\nname = \"a\"\nfrom = \"nav\"\nto = \"nav\"",
        &["20 error: `nav` is on both ends of this"],
    ),
    (
        "",
        "",
        "[[queuing]]\nname = \"a\"\nfrom = \"nav\"\nto = \"nav\"\nmessage = \"4B\"\ndepth = 2",
        &["20 error: `nav` is on both ends of this"],
    ),
    (
        "",
        "",
        "[[sampling]]\nname = \"a\"\nfrom = \"nav\"\nto = [\"nav\"]\nmessage = \"4B\"\nrefresh = \"1s\"",
        &["20 error: `nav` is on both ends of this"],
    ),
    (
        "",
        "",
        "[[sampling]]\nname = \"a\"\nfrom = \"nav\"\nto = []\nmessage = \"4B\"\nrefresh = \"1s\"",
        &["18 error: nobody reads the sampling port `a`"],
    ),
    (
        "",
        "",
        "[[sampling]]\nname = \"a\"\nfrom = \"nav\"\nto = [\"io\", \"io\"]\nmessage = \"4B\"\nrefresh = \"1s\"",
        &["20 warning: `io` is named twice"],
    ),
    (
        "",
        "",
        "[[queuing]]\nname = \"a\"\nfrom = \"nav\"\nto = \"io\"\nmessage = \"65KiB\"\ndepth = 5000",
        &[
            "21 error: `message`: 65 KiB is not possible here",
            "22 error: `depth`: this number is not possible here",
        ],
    ),
    (
        "",
        "",
        "[[queuing]]\nname = \"a\"\nfrom = \"nav\"\nto = \"io\"\nmessage = \"64KiB\"\ndepth = 257",
        &["22 error: this queue needs 16.1 MiB of memory"],
    ),
    (
        "",
        "",
        "[[queuing]]\nname = \"a\"\nfrom = \"nav\"\nto = \"io\"\nmessage = \"64B\"\ndepth = 2\nburst = 1",
        &["23 error: this says nothing without `period`"],
    ),
    (
        "",
        "",
        "[[queuing]]\nname = \"a\"\nfrom = \"nav\"\nto = \"io\"\nmessage = \"64B\"\ndepth = 2\ndrain = 1",
        &["23 error: this says nothing without `burst`"],
    ),
    (
        "",
        "",
        "[[shared]]\nname = \"a\"\nsize = \"4KiB\"\nwriters = [\"nav\"]\nreaders = [\"nav\", \"io\"]",
        &["21 error: `nav` is a writer and a reader of this area"],
    ),
    ("", "", "[[shared]]\nname = \"a\"\nsize = \"4KiB\"", &["17 error: nobody sees the shared area `a`"]),
    (
        "",
        "",
        "[[shared]]\nname = \"a\"\nsize = \"4KiB\"\nreaders = [\"nav\", \"io\"]",
        &["17 warning: nobody can write to the shared area `a`: it stays zero"],
    ),
    (
        "",
        "",
        "[[shared]]\nname = \"a\"\nsize = \"4KiB\"\nwriters = [\"nav\"]",
        &["17 warning: only one partition sees the shared area `a`"],
    ),
    (
        "",
        "",
        "[[shared]]\nname = \"a\"\nsize = \"5KiB\"\nwriters = [\"nav\", \"io\"]",
        &["19 error: `size`: 5120 bytes are no multiple of 4 KiB"],
    ),
];

const BOARD_AND_HEALTH: [Case; 21] = [
    (
        "rights",
        "health = { watchdog = \"escalate\", deadlock = \"restart_system\" }\nrestarts = 0\nrights",
        "[health]\nwatchdog = \"restart_system\"",
        &[
            "4 warning: `nav` has no restarts, so this is a halt",
            "4 warning: `nav` has no restarts, so this is a halt",
        ],
    ),
    ("rights", "health = { deadlock = \"log\" }\nrights", "", &[]),
    (
        "rights",
        "health = { deadlock = \"cold_restart\" }\nrestarts = 0\nrights",
        "",
        &["4 warning: `nav` has no restarts, so this is a halt"],
    ),
    (
        "",
        "",
        "[[line]]\nnumber = 5\nname = \"uart\"",
        &["19 warning: the line `uart` has no owner: its interrupts reach nobody"],
    ),
    (
        "",
        "",
        "[[line]]\nnumber = 5\nname = \"uart\"\nowner = \"oi\"",
        &["20 error: no partition is called `oi`"],
    ),
    (
        "",
        "",
        "[[line]]\nnumber = 5\nname = \"a\"\nowner = \"io\"\n[[line]]\nnumber = 5\nname = \"b\"\nowner = \"io\"",
        &["22 error: line 5 is described twice"],
    ),
    ("", "", "[[inject]]\nline = 5\nat = \"1ms\"", &["18 error: no line is called `5`"]),
    (
        "",
        "",
        "[[line]]\nnumber = 5\nname = \"uart\"\nowner = \"io\"\n[[inject]]\nline = \"urat\"\nat = \"1ms\"",
        &["22 error: no line is called `urat`"],
    ),
    (
        "",
        "",
        "[[line]]\nnumber = 5\nname = \"uart\"\nowner = \"io\"\n[[inject]]\nline = 5\nat = \"1ms\"\ncount = 2",
        &["24 error: 2 interrupts come, but not when"],
    ),
    (
        "",
        "",
        "[[line]]\nnumber = 5\nname = \"uart\"\nowner = \"io\"\n[[inject]]\nline = 5\nat = \"1ms\"\nevery = \"1ms\"",
        &["24 warning: a single interrupt comes, and so `every` says nothing"],
    ),
    ("", "", "[health]\ndeadlok = \"halt_system\"", &["18 error: there is no health event `deadlok`"]),
    ("", "", "[health]\ndeadlock = \"halt\"", &["18 error: `deadlock`: there is no health action `halt`"]),
    (
        "",
        "",
        "[health]\ndeadlock = \"escalate\"",
        &["18 error: nobody is above the system: this cannot be escalated"],
    ),
    (
        "",
        "",
        "[health]\ndeadlock = \"switch_plan\"",
        &["18 error: `deadlock`: `switch_plan` needs the name of a plan"],
    ),
    ("", "", "[health]\ndeadlock = { switch_plan = \"crusie\" }", &["18 error: no plan is called `crusie`"]),
    ("", "", "[health]\ndeadlock = { plan = \"cruise\" }", &["18 error: this is no health action"]),
    (
        "",
        "",
        "[health]\nincompatible_abi = \"restart_system\"",
        &[
            "18 error: `restart_system` on `incompatible_abi` is a loop: the cause is there again at the start",
        ],
    ),
    (
        "rights",
        "health = { divide_error = \"ignore\", configuration = \"warm_restart\" }\nrights",
        "",
        &[
            "4 error: after `divide_error` a guest cannot go on, so it cannot be left at that",
            "4 error: `warm_restart` on `configuration` is a loop: the cause is there again at the start",
        ],
    ),
    (
        "rights",
        "health = { frame_fault = \"propagate\", illegal_calls = \"cold_restart\" }\nrights",
        "",
        &[
            "4 error: a guest with `frame_fault` cannot be told of it",
            "4 warning: without a rate, illegal calls are no health event",
        ],
    ),
    ("rights", "health = { breakpoint = \"log\", overflow = \"ignore\" }\nrights", "", &[]),
    (
        "rights",
        "health = { deadlock = \"escalate\" }\nrights",
        "",
        &["4 warning: [health] says nothing about `deadlock`"],
    ),
];

fn hold(cases: &[Case]) {
    for (from, to, added, expected) in cases {
        assert!(GOOD.contains(from), "{from}");
        let text = format!("{}\n{added}\n", GOOD.replacen(from, to, 1));
        assert_eq!(titles(&text), *expected, "{text}");
    }
}

#[test]
fn text_that_is_no_system_file_is_refused() {
    hold(&SYNTAX_AND_TYPES);
}

#[test]
fn partitions_that_cannot_be_are_refused() {
    hold(&PARTITIONS);
}

#[test]
fn plans_that_cannot_be_followed_are_refused() {
    hold(&PLANS);
}

#[test]
fn channels_that_lead_nowhere_are_refused() {
    hold(&CHANNELS);
}

#[test]
fn lines_and_health_tables_that_do_nothing_sensible_are_refused() {
    hold(&BOARD_AND_HEALTH);
}

#[test]
fn what_is_wrong_at_the_start_is_not_advised_to_start_again() {
    let text = GOOD.replacen("rights", "health = { incompatible_abi = \"log\" }\nrights", 1);
    let shown = shown(&text);
    assert!(
        shown.contains("= help: write \"halt_partition\", \"halt_system\" or { switch_plan = \"name\" }"),
        "{shown}"
    );
    assert!(!shown.contains("cold_restart"), "{shown}");
}

#[test]
fn an_empty_file_asks_for_a_partition() {
    assert_eq!(titles(""), ["1 error: this system file has no `partition`"]);
    assert_eq!(titles("partition = []"), ["1 error: this system has no partition"]);
    let warned = "partition = []\n[[line]]\nnumber = 1\nname = \"a\"\n[[inject]]\nline = 1\nat = \"1ns\"\n";
    assert!(
        titles(warned).contains(&"1 error: this system has no partition".to_owned()),
        "{:?}",
        titles(warned)
    );
}

#[test]
fn all_syntax_errors_are_found_at_once() {
    let found = titles("a = \n[[partition]]\nname = nav\nimage = \"x\n");
    assert!(found.len() >= 3, "{found:?}");
    assert!(found.iter().all(|title| title.contains(" error: ")), "{found:?}");
}

#[test]
fn more_partitions_than_a_system_has_are_refused_once() {
    let mut text = String::new();
    for number in 0..1030 {
        text +=
            &format!("[[partition]]\nname = \"p{number}\"\nimage = \"builtin:ticker\"\nmemory = \"64KiB\"\n");
    }
    let windows = (0..1030).map(|number| format!("{{ partition = \"p{number}\", length = \"1ms\" }}"));
    text += &format!("[[plan]]\nname = \"a\"\nwindows = [{}]\n", windows.collect::<Vec<_>>().join(", "));
    assert_eq!(titles(&text), ["4097 error: a system has at most 1024 partitions, this one 1030"]);
}

#[test]
fn memory_that_no_host_has_is_refused() {
    let mut text = String::new();
    for number in 0..22 {
        text +=
            &format!("[[partition]]\nname = \"p{number}\"\nimage = \"builtin:ticker\"\nmemory = \"3GiB\"\n");
    }
    text += "[[plan]]\nname = \"a\"\nframe = \"1s\"\nwindows = [{ partition = \"p0\", length = \"1ms\" }]\n";
    assert!(
        titles(&text).contains(&"1 error: this system has 66 GiB of memory".to_owned()),
        "{:?}",
        titles(&text)
    );
}

#[test]
fn a_diagnostic_shows_line_place_reason_and_advice() {
    let text = GOOD.replacen("length = \"5ms\" },\n]", "start = \"4ms\", length = \"5ms\" },\n]", 1);
    assert_eq!(
        shown(&text),
        "\
error: windows overlap by 1 ms
  --> system.toml:14:5
   |
13 |     { partition = \"nav\", length = \"5ms\" },
   |     ------------------------------------- `nav` ends at 5 ms
14 |     { partition = \"io\", start = \"4ms\", length = \"5ms\" },
   |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `io` begins before the other ends
   |
   = note: in each frame
           0 ns  `nav` begins
           4 ms  `io` begins, and `nav` still runs
           5 ms  `nav` ends
           9 ms  `io` ends
   = help: let it start at 5 ms or later; without `start` it begins at the end of the one before

"
    );
}

#[test]
fn a_system_runs_without_a_partition_that_cannot_start_if_its_table_answers_that() {
    let small =
        GOOD.replacen("rights", "memory = \"64KiB\"\nrights", 1).replacen("builtin:ticker", "large.elf", 1);
    assert!(titles(&small)[0].starts_with("4 error: this partition has "), "{:?}", titles(&small));
    let answered = small.replacen("rights", "health = { configuration = \"halt_system\" }\nrights", 1);
    let reading = read_text(&answered);
    assert_eq!(reading.counts(), (0, 1), "{}", shown(&answered));
    let partitions = reading.config.unwrap().partitions;
    let why: Vec<_> = partitions.iter().map(|partition| partition.cannot_start).collect();
    assert_eq!(why, [Some(HealthEvent::Configuration), None]);

    let other = GOOD.replacen("builtin:ticker", "later.elf", 1);
    assert!(titles(&other)[0].starts_with("3 error: the image `later.elf` does not run here"));
    let answered = other.replacen("rights", "health = { incompatible_abi = \"halt_partition\" }\nrights", 1);
    let reading = read_text(&answered);
    assert_eq!(reading.counts(), (0, 1), "{}", shown(&answered));
    assert_eq!(reading.config.unwrap().partitions[0].cannot_start, Some(HealthEvent::IncompatibleAbi));
}
