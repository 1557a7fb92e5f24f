//! The check's proofs against brute force on small random schedules, and their counter-examples.

use super::damaged::Random;
use super::{read_text, shown};
use crate::Severity;

/// Who runs in a frame: a letter for each unit.
struct Schedule {
    units: Vec<u8>,
}

impl Schedule {
    /// Windows of `a`, `b` and gaps; both have at least one window.
    fn random(random: &mut Random) -> Self {
        loop {
            let mut units = Vec::new();
            for _ in 0..2 + random.below(5) {
                let who = b"ab-"[random.below(3)];
                units.extend(vec![who; 1 + random.below(5)]);
            }
            if units.contains(&b'a') && units.contains(&b'b') {
                return Self { units };
            }
        }
    }

    fn frame(&self) -> u64 {
        self.units.len() as u64
    }

    fn runs(&self, who: u8, unit: u64) -> bool {
        self.units[(unit % self.frame()) as usize] == who
    }

    fn windows(&self) -> Vec<(u8, u64, u64)> {
        let mut windows: Vec<(u8, u64, u64)> = Vec::new();
        for (unit, who) in (0..).zip(&self.units) {
            match windows.last_mut() {
                Some((last, _, length)) if last == who => *length += 1,
                _ => windows.push((*who, unit, 1)),
            }
        }
        windows.retain(|(who, ..)| *who != b'-');
        windows
    }

    /// A window of `who` begins.
    fn begins(&self, who: u8, unit: u64) -> bool {
        self.windows().iter().any(|(other, start, _)| *other == who && *start == unit % self.frame())
    }

    /// A window of `who` ended just before.
    fn ended(&self, who: u8, unit: u64) -> bool {
        let at = unit % self.frame();
        let at = if at == 0 { self.frame() } else { at };
        unit > 0 && self.windows().iter().any(|(other, start, length)| *other == who && start + length == at)
    }

    fn text(&self, port: &str) -> String {
        let windows = self.windows().into_iter().map(|(who, start, length)| {
            format!("{{ partition = \"{}\", start = \"{start}u\", length = \"{length}u\" }}", char::from(who))
        });
        format!(
            "[system]\nclock = \"1GHz\"\n[[partition]]\nname = \"a\"\nimage = \"builtin:ticker\"\n[[partition]]\nname = \"b\"\n\
             image = \"builtin:ticker\"\n[[plan]]\nname = \"p\"\nframe = \"{}u\"\nwindows = [{}]\n{port}\n",
            self.frame(),
            windows.collect::<Vec<_>>().join(", ")
        )
    }
}

const FLUSHES: [&str; 3] = ["immediate", "window", "frame"];

/// The flush that makes what was sent arrive has its instant at the beginning of this unit.
fn arrives(schedule: &Schedule, flush: &str, unit: u64) -> bool {
    match flush {
        "window" => schedule.ended(b'a', unit),
        "frame" => unit > 0 && unit.is_multiple_of(schedule.frame()),
        _ => false,
    }
}

struct Traffic {
    burst: u64,
    period: u64,
    drain: Option<u64>,
    flush: &'static str,
}

/// How many messages wait at most within `units`, over all phases.
fn most_waiting(schedule: &Schedule, traffic: &Traffic, units: u64) -> u64 {
    let mut most = 0;
    for phase in 0..traffic.period {
        let (mut ready, mut sent, mut waiting) = (0, 0, 0);
        for unit in 0..units {
            if arrives(schedule, traffic.flush, unit) {
                waiting += sent;
                sent = 0;
                most = most.max(waiting);
            }
            if unit >= phase && (unit - phase).is_multiple_of(traffic.period) {
                ready += traffic.burst;
            }
            if schedule.runs(b'a', unit) {
                sent += ready;
                ready = 0;
            }
            if traffic.flush == "immediate" {
                waiting += sent;
                sent = 0;
            }
            most = most.max(waiting);
            if schedule.begins(b'b', unit) {
                waiting -= traffic.drain.unwrap_or(waiting).min(waiting);
            }
        }
    }
    most
}

#[test]
fn the_depth_that_a_queue_needs_is_that_of_the_worst_phase() {
    let mut refused = 0;
    for seed in 1..300_u64 {
        println!("seed {seed}");
        let random = &mut Random::new(seed);
        let schedule = Schedule::random(random);
        let traffic = Traffic {
            burst: 1 + random.next() % 3,
            period: 1 + random.next() % 20,
            drain: [None, Some(1), Some(2), Some(5)][random.below(4)],
            flush: FLUSHES[random.below(3)],
        };
        let Traffic { burst, period, drain, flush } = &traffic;
        let drain = drain.map_or(String::new(), |drain| format!("drain = {drain}\n"));
        let text = schedule.text(&format!(
            "[[queuing]]\nname = \"q\"\nfrom = \"a\"\nto = \"b\"\nmessage = \"4B\"\ndepth = 1\nburst = {burst}\n\
             period = \"{period}u\"\nflush = \"{flush}\"\n{drain}"
        ));
        let reading = read_text(&text);
        // Twice as long as frame and period need to meet, and the frames before.
        let units = 2 * schedule.frame() * period + 4 * schedule.frame();
        let most = most_waiting(&schedule, &traffic, units);
        let Some(diagnostic) = reading.diagnostics.first() else {
            assert!(most <= 1, "{most} wait\n{text}");
            continue;
        };
        refused += 1;
        assert_eq!(
            (diagnostic.severity, reading.diagnostics.len()),
            (Severity::Error, 1),
            "{}",
            shown(&text)
        );
        let advice = &diagnostic.advice[0];
        if advice.contains("no depth is enough") {
            assert!(most_waiting(&schedule, &traffic, 2 * units) > most, "{most}\n{}", shown(&text));
        } else {
            assert!(advice.contains(&format!("`depth = {most}`")), "{most} wait\n{}", shown(&text));
        }
    }
    assert!(refused > 100, "{refused}");
}

/// The age of the oldest message that `b` reads, over all phases.
fn greatest_age(schedule: &Schedule, period: u64, flush: &str) -> u64 {
    // Long enough for a message of every phase, and then as long as frame and period need to meet.
    let begin = 3 * (schedule.frame() + period);
    let mut greatest = 0;
    for phase in 0..period {
        let (mut is_ready, mut written, mut seen) = (false, None, None);
        for unit in 0..begin + 2 * schedule.frame() * period {
            if arrives(schedule, flush, unit) && written.take().is_some() {
                seen = Some(unit);
            }
            is_ready |= unit >= phase && (unit - phase).is_multiple_of(period);
            if is_ready && schedule.runs(b'a', unit) {
                is_ready = false;
                written = Some(unit);
            }
            if flush == "immediate" {
                seen = written.or(seen);
            }
            if unit >= begin && schedule.runs(b'b', unit) {
                greatest = greatest.max(seen.map_or(unit, |seen| unit - seen));
            }
        }
    }
    greatest
}

#[test]
fn the_age_of_a_message_is_that_of_the_worst_phase() {
    let mut stale = 0;
    for seed in 1..300_u64 {
        println!("seed {seed}");
        let random = &mut Random::new(seed);
        let schedule = Schedule::random(random);
        let flush = FLUSHES[random.below(3)];
        let period = (random.below(3) > 0).then(|| 1 + random.next() % 20);
        let written = period.map_or(String::new(), |period| format!("writer_period = \"{period}u\"\n"));
        let text = schedule.text(&format!(
            "[[sampling]]\nname = \"s\"\nfrom = \"a\"\nto = [\"b\"]\nmessage = \"4B\"\nrefresh = \"1u\"\nflush = \"{flush}\"\n{written}"
        ));
        let age = greatest_age(&schedule, period.unwrap_or(1), flush);
        let reading = read_text(&text);
        match reading.diagnostics.first() {
            None => assert!(age <= 1, "{age}\n{text}"),
            Some(diagnostic) => {
                stale += 1;
                let old = format!("when it is {age} ns old");
                assert!(diagnostic.title.contains(&old), "{age}\n{}", shown(&text));
                // Advice that is followed ends the matter.
                let better = text.replace("refresh = \"1u\"", &format!("refresh = \"{age}u\""));
                assert!(read_text(&better).diagnostics.is_empty(), "{}", shown(&better));
            }
        }
    }
    assert!(stale > 100, "{stale}");
}

/// A system in which a port of `nav` is read by `display`.
fn flight(port: &str) -> String {
    format!(
        "[[partition]]\nname = \"nav\"\nimage = \"builtin:ticker\"\n[[partition]]\nname = \"display\"\nimage = \"builtin:ticker\"\n\
         [[plan]]\nname = \"cruise\"\nframe = \"20ms\"\nwindows = [\n    {{ partition = \"nav\", length = \"5ms\" }},\n    \
         {{ partition = \"display\", start = \"10ms\", length = \"5ms\" }},\n]\n{port}\n"
    )
}

#[test]
fn a_queue_that_overflows_comes_with_the_way_there() {
    let port = "[[queuing]]\nname = \"commands\"\nfrom = \"nav\"\nto = \"display\"\nmessage = \"32B\"\ndepth = 5\nburst = 3\nperiod = \"19ms\"\ndrain = 4";
    assert_eq!(
        shown(&flight(port)),
        "\
error: the queue `commands` overflows in the plan `cruise`
  --> system.toml:19:9
   |
19 | depth = 5
   |         ^ 5 messages
20 | burst = 3
   |         - 3 messages in 19 ms
   |
   = note: if a burst comes up just after a window of `nav`
           5 ms  6 messages of `nav` arrive: 6 would wait, 5 can
   = help: write `depth = 6`, or let `display` receive more in a window or run more often

"
    );
    assert_eq!(shown(&flight(&port.replace("depth = 5", "depth = 6"))), "");
}

#[test]
fn a_reader_that_is_too_slow_is_shown_step_by_step() {
    let port = "[[queuing]]\nname = \"commands\"\nfrom = \"nav\"\nto = \"display\"\nmessage = \"32B\"\ndepth = 5\nburst = 3\nperiod = \"20ms\"\ndrain = 2";
    let shown = shown(&flight(port));
    for line in [
        "    5 ms  3 messages of `nav` arrive: 3 wait\n",
        "   10 ms  `display` receives 2: 1 wait\n",
        "   25 ms  3 messages of `nav` arrive: 4 wait\n",
        "   65 ms  3 messages of `nav` arrive: 6 would wait, 5 can\n",
        "no depth is enough, more is sent than received\n",
    ] {
        assert!(shown.contains(line), "{line}{shown}");
    }
}

#[test]
fn a_queue_that_fills_too_slowly_to_watch_says_that_it_goes_on() {
    let text = flight(
        "[[queuing]]\nname = \"commands\"\nfrom = \"nav\"\nto = \"display\"\nmessage = \"32B\"\ndepth = 4096\nburst = 1\nperiod = \"19.99ms\"\ndrain = 1",
    );
    let shown = shown(&text);
    assert!(shown.contains("1 message of `nav` arrives: "), "{shown}");
    assert!(shown.contains("(and so on, with ever more that wait)\n"), "{shown}");
}

#[test]
fn a_timeline_leaves_out_windows_in_which_nothing_moves() {
    let text = flight(
        "[[queuing]]\nname = \"commands\"\nfrom = \"nav\"\nto = \"display\"\nmessage = \"32B\"\ndepth = 1\nburst = 1\nperiod = \"40ms\"\n[[plan]]\nname = \"safe\"\nwindows = [{ partition = \"nav\", length = \"5ms\" }]\n[health]\ndeadlock = { switch_plan = \"safe\" }",
    );
    let shown = shown(&text);
    assert!(shown.contains("1 message of `nav` arrives: 1 wait\n"), "{shown}");
    assert!(shown.contains("2 would wait, 1 can\n"), "{shown}");
    assert!(!shown.contains(" 0 message"), "{shown}");
}

#[test]
fn a_plan_without_the_reader_is_worth_a_warning() {
    let port = "[[plan]]\nname = \"safe\"\nwindows = [{ partition = \"nav\", length = \"5ms\" }]\n[[queuing]]\nname = \"commands\"\n\
                from = \"nav\"\nto = \"display\"\nmessage = \"32B\"\ndepth = 5\nburst = 1\nperiod = \"20ms\"\n[health]\ndeadlock = { switch_plan = \"safe\" }";
    let reading = read_text(&flight(port));
    assert_eq!(reading.counts(), (0, 1), "{}", shown(&flight(port)));
    assert!(
        reading.diagnostics[0].title.contains("overflows in the plan `safe`"),
        "{}",
        shown(&flight(port))
    );
}

#[test]
fn a_message_that_is_too_old_comes_with_the_way_there() {
    let port = "[[sampling]]\nname = \"attitude\"\nfrom = \"nav\"\nto = [\"display\"]\nmessage = \"64B\"\nrefresh = \"4ms\"";
    assert_eq!(
        shown(&flight(port)),
        "\
error: `display` reads `attitude` when it is 10 ms old, in the plan `cruise`
  --> system.toml:19:11
   |
19 | refresh = \"4ms\"
   |           ^^^^^ valid for 4 ms
   |
   = note: however often it writes in its windows
           4.99999 ms  `nav` writes
                 9 ms  the message is no longer valid
                10 ms  a window of `display` begins
                10 ms  `display` can read it from here on
                15 ms  the window of `display` ends
                20 ms  `nav` can write again
   = help: write `refresh = \"10ms\"` or more, or give `nav` windows nearer to those of `display`

"
    );
    assert_eq!(shown(&flight(&port.replace("4ms", "10ms"))), "");
}

/// Two plans that start a partition each; `nav` and `display` answer this event by the other's plan.
fn two_plans(event: &str) -> String {
    let partition = |name: &str, plan: &str| {
        format!(
            "[[partition]]\nname = \"{name}\"\nimage = \"builtin:ticker\"\nhealth = {{ {event} = {{ switch_plan = \"{plan}\" }} }}\n"
        )
    };
    let plan = |name: &str, starts: &str| {
        format!(
            "[[plan]]\nname = \"{name}\"\non_start = {{ {starts} = \"warm_restart\" }}\nwindows = [{{ partition = \"nav\", \
             length = \"5ms\" }}, {{ partition = \"display\", length = \"5ms\" }}]\n"
        )
    };
    partition("nav", "safe")
        + &partition("display", "cruise")
        + &plan("cruise", "nav")
        + &plan("safe", "display")
}

#[test]
fn plans_that_start_each_others_partitions_again_are_shown_with_the_way_around() {
    assert_eq!(
        shown(&two_plans("watchdog")),
        "\
warning: plans may start `display` and `nav` again without end
  --> system.toml:11:14
   |
 4 | health = { watchdog = { switch_plan = \"safe\" } }
   |                       ------------------------ `safe` begins
...
 8 | health = { watchdog = { switch_plan = \"cruise\" } }
   |                       -------------------------- `cruise` begins
...
11 | on_start = { nav = \"warm_restart\" }
   |              ^^^ `cruise` starts it again
   |
   = note: what can happen
           `cruise` begins and starts `nav` again
           `nav`, `watchdog`: switch_plan `safe`
           `safe` begins and starts `display` again
           `display`, `watchdog`: switch_plan `cruise`
           `cruise` begins, and so on
   = note: `restarts` does not bound what plans start again
   = help: leave one of these partitions as it is when the plan begins, or answer its error with \"halt_partition\"

"
    );
    let reading = read_text(&two_plans("configuration"));
    assert_eq!(reading.counts(), (1, 0), "{}", shown(&two_plans("configuration")));
    assert!(reading.diagnostics[0].title.ends_with("the causes are there again at the start"));
}

#[test]
fn a_plan_that_starts_nobody_of_the_circle_again_breaks_it() {
    let broken = two_plans("watchdog").replace("on_start = { display = \"warm_restart\" }\n", "");
    assert_eq!(shown(&broken), "");
    // Both by the same plan: it runs already.
    assert_eq!(
        shown(&two_plans("watchdog").replace("switch_plan = \"cruise\"", "switch_plan = \"safe\"")),
        ""
    );
}

/// A queue whose frame and period meet only after 2,000 frames of many windows, and which is never empty until then.
fn slow_to_repeat(queues: usize) -> String {
    let mut text = "[system]\nclock = \"1GHz\"\n[[partition]]\nname = \"nav\"\nimage = \"builtin:ticker\"\n[[partition]]\n\
                    name = \"display\"\nimage = \"builtin:ticker\"\n[[plan]]\nname = \"cruise\"\nframe = \"1999000u\"\nwindows = [\n"
        .to_owned();
    for _ in 0..60 {
        text += "{ partition = \"nav\", length = \"1000u\" }, { length = \"1u\" },\n";
    }
    text += "{ partition = \"display\", length = \"1000u\" },\n]\n";
    for number in 0..queues {
        text += &format!(
            "[[queuing]]\nname = \"q{number}\"\nfrom = \"nav\"\nto = \"display\"\nmessage = \"4B\"\ndepth = 4096\nburst = 2000\n\
             period = \"2000000u\"\ndrain = 1999\n"
        );
    }
    text
}

#[test]
fn what_could_not_be_proved_is_said() {
    let warnings: Vec<String> =
        read_text(&slow_to_repeat(1)).diagnostics.into_iter().map(|found| found.title).collect();
    assert_eq!(warnings, ["it could not be proved that the queue `q0` never overflows"]);
}

#[test]
fn proofs_of_many_queues_share_one_effort() {
    let reading = read_text(&slow_to_repeat(1000));
    let titles: Vec<&str> = reading.diagnostics.iter().map(|found| found.title.as_str()).collect();
    assert!(titles[0].contains("too large to prove everything"), "{titles:?}");
    assert!((2..100).contains(&titles.len()), "{titles:?}");
}
