//! Questions about a recorded run: what is answered must be what the text trace of the same run shows.

use super::elf::{CODE, ElfFile, call};
use super::paravane::{Finished, TemporaryFile, run, sample};
use hypervisor_core::abi::Call;
use std::ffi::OsStr;
use std::fs;

const DATA: u32 = CODE + 0x1000;

/// A recording of a run.
fn recorded(file: &OsStr, options: &[&str]) -> TemporaryFile {
    let recording = TemporaryFile::new("asked.pvt", b"");
    let mut arguments: Vec<&OsStr> = ["trace", "--format", "pvt", "-o"].map(OsStr::new).to_vec();
    arguments.push(recording.as_ref());
    arguments.extend(options.iter().map(OsStr::new));
    arguments.push(file);
    run(arguments);
    recording
}

fn ask(recording: &TemporaryFile, words: &[&str]) -> Finished {
    let mut arguments = vec![OsStr::new("query"), recording.as_ref()];
    arguments.extend(words.iter().map(OsStr::new));
    run(arguments)
}

/// The lines of an answer, which is there and tells of nothing wrong.
fn lines(recording: &TemporaryFile, words: &[&str]) -> Vec<String> {
    let finished = ask(recording, words);
    assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""), "{words:?}: {}", finished.text());
    finished.text().lines().map(str::to_owned).collect()
}

/// The lines of a text trace.
fn trace(file: &OsStr, options: &[&str]) -> Vec<String> {
    let options = options.iter().map(OsStr::new);
    let finished = run([OsStr::new("trace")].into_iter().chain(options).chain([file]).collect::<Vec<_>>());
    finished.text().lines().map(str::to_owned).collect()
}

/// A line without what was there before.
fn without_was(line: &str) -> String {
    line.split("  was ").next().unwrap_or_default().to_owned()
}

/// Writes 1, 2, ... 5 to `DATA` and marks 1 and 2 around each.
fn counter() -> TemporaryFile {
    let mut code = vec![0xbe, 5, 0, 0, 0]; // mov esi, 5
    let again = code.len();
    code.extend(call(Call::TraceMark, 1, 0));
    code.extend([0xff, 0x05]); // inc dword [DATA]
    code.extend(DATA.to_le_bytes());
    code.extend(call(Call::TraceMark, 2, 0));
    code.push(0x4e); // dec esi
    code.extend([0x0f, 0x85]); // jnz
    code.extend((again as i32 - (code.len() as i32 + 4)).to_le_bytes());
    code.extend(call(Call::Shutdown, 9, 0));
    TemporaryFile::new("counter.elf", &ElfFile::guest(&code).bytes())
}

#[test]
fn every_write_to_a_variable_is_a_line_of_the_trace_with_the_value_before() {
    let guest = sample("ticker");
    let recording = recorded(guest.as_ref(), &[]);
    let data = trace(guest.as_ref(), &["--data", "ticks", "--gaps", "total"]);
    let stores: Vec<String> = data.iter().filter(|line| line.contains(" ticks]<-")).cloned().collect();
    assert!(stores.len() > 100, "{}", stores.len());
    let answer = lines(&recording, &["who-wrote", "ticks", "--all"]);
    let answered: Vec<String> = answer.iter().map(|line| without_was(line)).collect();
    assert_eq!(answered, stores);
    for (place, line) in answer.iter().enumerate() {
        assert!(line.ends_with(&format!("<-{:08x}  was {place:08x}", place + 1)), "{line}");
    }
    assert_eq!(lines(&recording, &["who-wrote", "ticks"]), answer[answer.len() - 1..]);
    assert_eq!(lines(&recording, &["who-wrote", "ticks", "--before", "#1475"]), answer[..1]);
    assert_eq!(lines(&recording, &["who-wrote", "ticks", "--before", "#1476"]), answer[1..2]);
    assert_eq!(lines(&recording, &["who-wrote", "ticks+3", "1", "--before", "300ms"]), answer[1..2]);
    let none = ask(&recording, &["who-wrote", "ticks", "--before", "#1374"]);
    assert_eq!((none.status, none.stderr.as_str()), (Some(1), ""), "{}", none.text());
    assert!(none.text().starts_with("nothing writes ticks"), "{}", none.text());
    assert_eq!(ask(&recording, &["--json", "who-wrote", "ticks", "--before", "#1374"]).text(), "");
}

#[test]
fn the_accesses_around_an_instruction_are_those_of_the_trace() {
    let guest = sample("ticker");
    let recording = recorded(guest.as_ref(), &[]);
    let data = trace(guest.as_ref(), &["--data", "ticks", "--gaps", "total"]);
    let accesses: Vec<&String> = data.iter().filter(|line| line.contains(" ticks]")).collect();
    for (place, line) in accesses.iter().enumerate().skip(1).take(6) {
        let number = line.split(' ').next().unwrap();
        let before = lines(&recording, &["previous-access", "ticks", "--before", number]);
        assert_eq!([without_was(&before[0])], [accesses[place - 1].clone()], "{number}");
        let after = lines(&recording, &["next-access", "ticks", "--after", number]);
        assert_eq!([without_was(&after[0])], [accesses[place + 1].clone()], "{number}");
    }
    assert_eq!(without_was(&lines(&recording, &["next-access", "ticks"])[0]), *accesses[0]);
    let end = ask(&recording, &["next-access", "ticks", "--after", "1000s"]);
    assert_eq!(end.status, Some(1), "{}", end.text());
}

#[test]
fn what_the_hypervisor_writes_is_told_as_such() {
    let recording = recorded(sample("ticker").as_ref(), &[]);
    let answer = lines(&recording, &["who-wrote", "shared_page.mask", "--before", "#1320"]);
    assert_eq!(answer.len(), 1);
    let line = &answer[0];
    assert!(
        line.starts_with("#1319      0.100001890  == core    [f0002000 shared_page.mask]<-01  was 00"),
        "{line}"
    );
    assert!(line.contains("  with ") && line.contains("upcall pv_upcall_entry interrupts"), "{line}");
}

#[test]
fn what_another_partition_writes_in_a_shared_area_is_its_line() {
    let recording = recorded("builtin:guard".as_ref(), &[]);
    let question = ["who-wrote", "0xd0000000", "4", "--all", "--partition"];
    let of = |name: &str| lines(&recording, &[&question[..], &[name]].concat());
    let (writer, reader) = (of("plant"), of("guard"));
    assert!(writer.len() > 2 && writer.iter().all(|line| line.starts_with("plant #")), "{writer:?}");
    assert_eq!(reader, writer);
    let range = ["--data", "plant:0xd0000000..0xd0000004", "--only", "writes", "--partition", "plant"];
    let traced = trace("builtin:guard".as_ref(), &[&range[..], &["--gaps", "total"]].concat());
    let traced: Vec<&String> = traced.iter().filter(|line| line.contains("[d0000000]<-")).collect();
    let known: Vec<String> = writer.iter().map(|line| without_was(line)).collect();
    assert!(traced.iter().all(|line| known.contains(line)) && !traced.is_empty(), "{traced:?}");
}

#[test]
fn a_register_is_asked_for_its_value_and_for_when_it_got_one() {
    let guest = counter();
    let recording = recorded(guest.as_ref(), &[]);
    let all = trace(guest.as_ref(), &[]);
    let changes: Vec<String> = all.iter().filter(|line| line.contains(" esi=")).cloned().collect();
    assert_eq!(changes.len(), 6);
    let answer = lines(&recording, &["register", "esi", "--all"]);
    assert_eq!(answer.iter().map(|line| without_was(line)).collect::<Vec<_>>(), changes);
    assert!(answer[3].ends_with("  was 00000003"), "{}", answer[3]);
    for (value, place) in [("5", 0), ("0x4", 1), ("0", 5)] {
        let words = format!("ESI={value}");
        assert_eq!(lines(&recording, &["register", &words]), answer[place..=place], "{words}");
    }
    let number = changes[3].split(' ').next().unwrap();
    assert_eq!(lines(&recording, &["register", "$esi", "--before", number]), answer[2..3]);
    assert_eq!(lines(&recording, &["register", "edi"]), ["edi=00000000 since the start"]);
    assert_eq!(lines(&recording, &["register", "cs"]), ["cs=0023 since the start"]);
    assert_eq!(ask(&recording, &["register", "esi=77"]).status, Some(1));
    let flag = lines(&recording, &["register", "zf=1"]);
    assert!(flag[0].contains("dec esi") && flag[0].ends_with("  was 0"), "{}", flag[0]);
}

/// mov eax, 5; mov [data], eax; fild dword [data]; movd xmm0, eax; the base of GS becomes 5; shutdown(0).
fn computes() -> TemporaryFile {
    let data = CODE + 0x1000;
    let mut code = vec![0xb8, 5, 0, 0, 0, 0xa3];
    code.extend(data.to_le_bytes());
    code.extend([0xdb, 0x05]);
    code.extend(data.to_le_bytes());
    code.extend([0x66, 0x0f, 0x6e, 0xc0]);
    code.extend(call(Call::SegmentSetBase, 1, 5));
    code.extend([0x90; 4]);
    code.extend(call(Call::Shutdown, 0, 0));
    TemporaryFile::new("computes.elf", &ElfFile::guest(&code).bytes())
}

#[test]
fn registers_of_x87_and_sse_and_bases_of_segments_can_be_asked_for() {
    let guest = computes();
    let recording = recorded(guest.as_ref(), &["--cpu", "pentium4"]);
    let asked = |words: &str| lines(&recording, &["register", words]).join("\n");
    for (words, has, ends) in [
        ("st0", "fild dword", " st0=4001a000000000000000  was 00000000000000000000"),
        ("st(0)=0x4001a000000000000000", "fild dword", "  was 00000000000000000000"),
        ("ftag", "fild dword", " ftag=80  was 00"),
        ("mm7", "fild dword", " mm7=a000000000000000  was 0000000000000000"),
        ("xmm0=5", "movd xmm0, eax", &format!(" xmm0={:032x}  was {:032x}", 5, 0)),
    ] {
        let answer = asked(words);
        assert!(answer.contains(has) && answer.ends_with(ends), "{words}: {answer}");
    }
    let base = asked("gs.base");
    assert!(base.contains(" int 0x82 ") && base.ends_with(" gs.base=00000005  was 00000000"), "{base}");
    for words in ["xmm1", "mxcsr", "fctrl", "cr2", "dr7"] {
        assert!(asked(words).ends_with(" since the start"), "{words}: {}", asked(words));
    }
}

#[test]
fn fake_registers_can_be_asked_for() {
    let guest = sample("lazy_fpu");
    let recording = recorded(guest.as_ref(), &[]);
    let answer = lines(&recording, &["register", "cr0", "--all"]);
    let calls = trace(guest.as_ref(), &["--only", "calls", "--gaps", "total"]);
    let sets = calls.iter().filter(|line| line.contains("fpu_set_switched(")).count();
    assert!(answer.len() > 10 && answer.len() <= sets, "{} {sets}", answer.len());
    let first = &answer[0];
    assert!(first.contains("hypercall.fpu_set_switched+0x5 "), "{first}");
    assert!(first.ends_with(" cr0=8005003b  was 80050033"), "{first}");
}

#[test]
fn visits_and_the_time_between_marks_are_those_of_the_trace() {
    let guest = sample("ticker");
    let recording = recorded(guest.as_ref(), &[]);
    let visits = trace(guest.as_ref(), &["--address", "on_tick+0", "--gaps", "total"]);
    let visits: Vec<&String> = visits.iter().filter(|line| line.contains(" on_tick  ")).collect();
    let answer = lines(&recording, &["first-visit", "on_tick"]);
    assert_eq!((answer.len(), &answer[0]), (2, visits[0]));
    let number = visits[visits.len() - 1].split(' ').next().unwrap();
    assert!(answer[1].starts_with(number), "{}", answer[1]);
    assert!(answer[1].ends_with(&format!("visited {} times", visits.len())), "{}", answer[1]);
    assert_eq!(lines(&recording, &["first-visit", "on_tick", "--all"]).len(), visits.len() + 1);
    assert_eq!(ask(&recording, &["first-visit", "0x5"]).status, Some(1));

    let guest = counter();
    let recording = recorded(guest.as_ref(), &[]);
    let marks = trace(guest.as_ref(), &["--only", "marks", "--gaps", "total"]);
    let marks: Vec<&String> = marks.iter().filter(|line| line.contains("== mark")).collect();
    let answer = lines(&recording, &["between", "mark:1", "mark:2", "--all"]);
    assert_eq!((answer.len(), marks.len()), (5, 10));
    let number = |line: &str| -> u64 { line[1..].split(' ').next().unwrap().parse().unwrap() };
    for (place, line) in answer.iter().enumerate() {
        let (from, to) = (number(marks[2 * place]), number(marks[2 * place + 1]));
        assert!(line.starts_with(&format!("#{from} ")) && line.contains(&format!("  to  #{to} ")), "{line}");
        let (ns, count) = (10 * (to - from), to - from);
        assert!(line.ends_with(&format!(": {ns} ns, {count} instructions")), "{line}");
    }
    assert_eq!(lines(&recording, &["between", "mark:1", "mark:2"]), answer[..1]);
    let never = ask(&recording, &["between", "mark:2", "mark:7"]);
    assert_eq!((never.status, never.text().as_str()), (Some(1), "mark:7 never came after mark:2\n"));
}

/// Counts `turns` down, twice as many instructions.
fn pause(turns: u32) -> Vec<u8> {
    let mut code = vec![0xb9]; // mov ecx, turns
    code.extend(turns.to_le_bytes());
    code.extend([0x49, 0x75, 0xfd]); // dec ecx; jnz
    code
}

#[test]
fn a_search_goes_from_keyframe_to_keyframe() {
    // Two keyframes: 16,777,216 executed units are between them.
    let store = |value: u32| [&[0xc7, 0x05][..], &DATA.to_le_bytes(), &value.to_le_bytes()].concat();
    let turns = 9_000_000;
    let mut code = [store(1), pause(turns), store(2), pause(turns)].concat();
    code.extend(call(Call::Shutdown, 0, 0));
    let guest = TemporaryFile::new("long.elf", &ElfFile::guest(&code).bytes());
    let recording = recorded(guest.as_ref(), &[]);
    let address = format!("0x{DATA:x}");
    let writes = lines(&recording, &["who-wrote", &address, "4", "--all"]);
    assert!(writes.len() == 2 && writes[0].starts_with("#0 "), "{writes:?}");
    let second = format!("#{}", 2 + 2 * turns);
    assert!(writes[1].starts_with(&second) && writes[1].ends_with("<-00000002  was 00000001"), "{writes:?}");
    assert_eq!(lines(&recording, &["who-wrote", &address, "4"]), writes[1..]);
    assert_eq!(lines(&recording, &["who-wrote", &address, "4", "--before", &second]), writes[..1]);
    assert_eq!(lines(&recording, &["next-access", &address, "4", "--after", "#17M"]), writes[1..]);
    // In the middle of the first pause, which a keyframe cuts; and the one before it, in another span.
    let value = lines(&recording, &["register", "ecx", "--before", "#17_000_002"]);
    assert!(value[0].starts_with("#17000000 ") && value[0].contains(" ecx=00"), "{value:?}");
    let set = lines(&recording, &["register", &format!("ecx={turns}")]);
    assert!(
        set[0].starts_with(&format!("#{} ", 3 + 2 * turns)) && set[0].ends_with("  was 00000000"),
        "{set:?}"
    );
    let first = lines(&recording, &["register", &format!("ecx={turns}"), "--before", &second]);
    assert!(first[0].starts_with("#1 "), "{first:?}");
}

#[test]
fn of_a_system_the_partition_must_be_known() {
    let recording = recorded("builtin:irq".as_ref(), &[]);
    let refused = |words: &[&str], says: &str| {
        let finished = ask(&recording, words);
        assert_eq!((finished.status, finished.stderr.lines().count()), (Some(125), 1), "{finished:?}");
        assert!(finished.stderr.contains(says) && finished.stdout.is_empty(), "{}", finished.stderr);
    };
    refused(&["register", "eax"], "--partition NAME; the partitions are `driver` and `worker`");
    refused(&["first-visit", "main"], "`main` is in several partitions");
    refused(&["--partition", "nav", "first-visit", "main"], "no partition `nav`");
    refused(&["first-visit", "nosuchfunction"], "there is no symbol `nosuchfunction`");
    refused(&["--partition", "worker", "register", "eaxx"], "did you mean `eax`?");
    refused(&["--partition", "worker", "who-wrote", "0x100000", "2MiB"], "at most");
    refused(&["--partition", "worker", "who-wrote", "0x100000", "--before", "main"], "#NUMBER");
    refused(&["between", "5", "mark:6"], "mark:5");
    let main =
        trace("builtin:irq".as_ref(), &["--partition", "worker", "--address", "main+0", "--gaps", "total"]);
    let main: Vec<&String> = main.iter().filter(|line| line.contains(" main  ")).collect();
    let answers = [&["--partition", "worker", "first-visit", "main"][..], &["first-visit", "worker:main"]];
    for words in answers {
        assert_eq!(lines(&recording, words)[0], *main[0]);
    }
    let json = lines(&recording, &["first-visit", "worker:main", "--json"]);
    assert!(json[0].starts_with("{\"partition\": \"worker\", \"instruction\": 30, "), "{}", json[0]);
    assert!(json[0].contains("\"place\": \"main\"") && json[1].starts_with("{\"visits\": 1, "), "{json:?}");
}

#[test]
fn statistics_of_a_recording_are_those_of_its_run() {
    let guest = sample("ticker");
    let recording = recorded(guest.as_ref(), &[]);
    let stats = |options: &[&str]| {
        let options = options.iter().map(OsStr::new);
        let arguments = [OsStr::new("stats"), recording.as_ref()].into_iter().chain(options);
        let finished = run(arguments.collect::<Vec<_>>());
        assert_eq!((finished.status, finished.stderr.as_str()), (Some(0), ""));
        finished.text()
    };
    let text = stats(&["--functions", "3"]);
    let row = |name: &str| {
        let found = text.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix("  "));
        found.unwrap_or_else(|| panic!("no `{name}` in\n{text}")).trim().to_owned()
    };
    let lines = trace(guest.as_ref(), &[]);
    let end = lines.last().unwrap();
    let number = end[1..].split(' ').next().unwrap();
    assert_eq!(row("instructions").replace('_', ""), number);
    assert_eq!(row("bytes").replace('_', ""), recording.contents().len().to_string());
    for kind in ["call", "raise", "upcall", "iret"] {
        let mark = format!(" == {kind:<8}");
        let count = lines.iter().filter(|line| line.contains(&mark)).count();
        assert!(count > 0, "{kind}");
        assert_eq!(row(kind).replace('_', ""), count.to_string(), "{kind}");
    }
    let calls = lines.iter().filter(|line| line.contains("== call    block(")).count();
    assert_eq!(row("block").replace('_', ""), calls.to_string());
    // The wait from raise to delivery is what --stats of the run itself says.
    let ran = run(["run".as_ref(), "--stats".as_ref(), guest.as_os_str()]).stderr;
    let of_timer = |text: &str| {
        let mut lines = text.lines().skip_while(|line| !line.contains("latency  "));
        let line = lines.nth(1).unwrap_or_default().to_owned();
        assert!(line.contains("timer") && line.contains(" / "), "{line}");
        line
    };
    assert_eq!(of_timer(&text), of_timer(&ran));
    let json = stats(&["--json", "--functions", "1"]);
    assert!(json.contains("\"schema\": \"paravane-recording-statistics 1\""), "{json}");
    assert!(json.contains(&format!("\"instructions\": {number}")), "{json}");
    assert!(json.contains("\"own_instructions\": "), "{json}");
}

#[test]
fn damaged_recordings_are_refused_with_one_line_or_answered() {
    let recording = recorded(sample("ticker").as_ref(), &[]);
    let whole = recording.contents();
    let questions: [&[&str]; 3] =
        [&["who-wrote", "ticks"], &["register", "eax"], &["between", "mark:1", "mark:2"]];
    let damaged = TemporaryFile::new("damaged.pvt", b"");
    for step in 0..24 {
        let at = whole.len() * step / 24;
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        for bytes in [&flipped[..], &whole[..at]] {
            fs::write(AsRef::<OsStr>::as_ref(&damaged), bytes).unwrap();
            for words in questions {
                let finished = ask(&damaged, words);
                let is_refused = finished.status == Some(125) && finished.stderr.lines().count() == 1;
                // Of a file that was cut off it is said that it was.
                let is_told = finished.stderr.lines().all(|line| line.contains("was cut off, or is damaged"));
                let is_answered = matches!(finished.status, Some(0 | 1)) && is_told;
                assert!(is_refused || is_answered, "byte {at}, {words:?}: {finished:?}");
                assert!(!finished.stderr.contains("this is a bug"), "byte {at}: {}", finished.stderr);
            }
            let stats = run(["stats".as_ref(), AsRef::<OsStr>::as_ref(&damaged)]);
            assert!(matches!(stats.status, Some(0 | 125)), "byte {at}: {stats:?}");
            assert!(!stats.stderr.contains("this is a bug"), "byte {at}: {}", stats.stderr);
        }
    }
}
