//! `cargo xtask vectors FILE`: runs the cases of a v32 file and compares the answers with those in the file.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use vectors::{Case, Difference, Ending, Expected, Lines, Report, Runner, Sense, describe};

/// Names that are counted below the table.
const NAMES_SHOWN: usize = 30;

struct Options {
    file: String,
    groups: Vec<String>,
    sense: Sense,
    failures: usize,
    answers: Option<String>,
    undefined: bool,
}

/// Runs the command. The status is 1 if an answer is wrong.
///
/// # Errors
/// Wrong arguments, or a file that cannot be read or has a bad line.
pub fn run(arguments: &[&str]) -> Result<ExitCode, String> {
    let options = Options::parse(arguments)?;
    let file = File::open(&options.file).map_err(|error| format!("cannot open {}: {error}", options.file))?;
    let in_file = |error: vectors::Problem| format!("{}: {error}", options.file);
    let mut lines = Lines::new(BufReader::with_capacity(1 << 20, file));
    let header = lines.header().map_err(in_file)?;
    let mut runner = Runner::new(&header)?;
    let answers = options.answers.as_deref().map(read_answers).transpose()?;
    let mut report = Report::default();
    let mut failing = BTreeMap::<String, u64>::new();
    let mut shown = 0;
    let mut running = Duration::ZERO;
    let mut masks = Masks::default();
    while let Some(case) = lines.next_case().map_err(in_file)? {
        let Some(expected) = case.expected.as_ref().filter(|_| options.takes(&case)) else { continue };
        if options.undefined {
            masks.add(&case, expected, &mut runner).map_err(|what| in_file(lines.problem(what)))?;
            continue;
        }
        let start = Instant::now();
        let ending = match &answers {
            Some(answers) => answers
                .get(&case.id)
                .cloned()
                .unwrap_or_else(|| Ending::Panic("there is no answer".to_owned())),
            None => runner.run(&case).map_err(|what| in_file(lines.problem(what)))?.ending,
        };
        running += start.elapsed();
        let differences = report.add(&case, expected, &ending, options.sense);
        if differences.is_empty() {
            continue;
        }
        *failing.entry(kind(&case, &differences)).or_default() += 1;
        if shown < options.failures {
            shown += 1;
            println!("{}", describe(&case, &differences));
        }
    }
    if options.undefined {
        return Ok(masks.print());
    }
    print!("{report}");
    let cases = report.total().cases;
    let rate = cases as f64 / running.as_secs_f64().max(1e-9);
    println!("{rate:.0} cases a second, reading and comparing not counted");
    print_failing(failing);
    let total = report.total();
    let right = match options.sense {
        Sense::Defined => total.defined,
        Sense::Strict => total.strict,
    };
    Ok(ExitCode::from(u8::from(right != total.cases)))
}

/// The answers that another program gave, by id.
fn read_answers(name: &str) -> Result<HashMap<u64, Ending>, String> {
    let file = File::open(name).map_err(|error| format!("cannot open {name}: {error}"))?;
    let mut lines = Lines::new(BufReader::with_capacity(1 << 20, file));
    let mut answers = HashMap::new();
    while let Some(answer) = lines.next_answer().map_err(|error| format!("{name}: {error}"))? {
        answers.insert(answer.id, answer.ending);
    }
    Ok(answers)
}

/// What a wrong case is counted under: the mnemonic and what was wrong.
fn kind(case: &Case, differences: &[Difference]) -> String {
    if let [Difference::Unfinished(what), ..] = differences {
        return format!("{}: {what}", case.group);
    }
    let mnemonic = if case.steps == 1 { mnemonic(case) } else { "" };
    let mut parts: Vec<&str> = differences.iter().map(part).collect();
    parts.dedup();
    format!("{}: {mnemonic} ({})", case.group, parts.join(", "))
}

fn part(difference: &Difference) -> &'static str {
    match difference {
        Difference::Unfinished(_) => "unfinished",
        Difference::Exception { .. } => "exception",
        Difference::Register { position, .. } => vectors::REGISTER_NAMES[*position],
        Difference::Memory { .. } => "memory",
        Difference::Vector { .. } => "x87 or SSE state",
    }
}

fn print_failing(failing: BTreeMap<String, u64>) {
    let mut failing: Vec<_> = failing.into_iter().collect();
    failing.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (kind, count) in failing.iter().take(NAMES_SHOWN) {
        println!("{count:8}  {kind}");
    }
    if failing.len() > NAMES_SHOWN {
        println!("          and {} more kinds", failing.len() - NAMES_SHOWN);
    }
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut file = None;
        let mut groups = Vec::new();
        let mut sense = Sense::Defined;
        let mut failures = 0;
        let mut undefined = false;
        let mut answers = None;
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match *argument {
                "--group" => groups.extend(value()?.split(',').map(str::to_owned)),
                "--undefined" => undefined = true,
                "--strict" => sense = Sense::Strict,
                "--failures" => {
                    failures = value()?.parse().map_err(|_| "--failures needs a number".to_owned())?;
                }
                "--answers" => answers = Some((*value()?).to_owned()),
                option if option.starts_with('-') => return Err(format!("vectors has no option {option}")),
                name => file = Some(name.to_owned()),
            }
        }
        let file = file.ok_or("vectors needs a file: cargo xtask vectors FILE")?;
        Ok(Self { file, groups, sense, failures, answers, undefined })
    }

    fn takes(&self, case: &Case) -> bool {
        self.groups.is_empty() || self.groups.contains(&case.group)
    }
}

/// How often the project's table of undefined bits says what the file says.
#[derive(Default)]
struct Masks {
    same: u64,
    different: BTreeMap<String, (u64, u64)>,
}

impl Masks {
    fn add(&mut self, case: &Case, expected: &Expected, runner: &mut Runner) -> Result<(), String> {
        let (_, ours) = runner.run_undefined(case)?;
        let theirs = &expected.undefined;
        if ours.bits == *theirs {
            self.same += 1;
            return Ok(());
        }
        let mut what = format!("{}: {}", case.group, if case.steps == 1 { mnemonic(case) } else { "" });
        for (position, name) in vectors::REGISTER_NAMES.iter().enumerate() {
            let (ours, theirs) = (ours.bits.registers[position], theirs.registers[position]);
            if ours != theirs {
                what += &format!(" {name} {ours:x} in the table, {theirs:x} in the file;");
            }
        }
        if ours.bits.sw != theirs.sw {
            what += &format!(" sw {:x} in the table, {:x} in the file;", ours.bits.sw, theirs.sw);
        }
        if ours.bits.ram != theirs.ram {
            let bytes = |ram: &[(u32, u32)]| ram.iter().map(|(_, length)| u64::from(*length)).sum::<u64>();
            what += &format!(
                " {} bytes in the table, {} in the file;",
                bytes(&ours.bits.ram),
                bytes(&theirs.ram)
            );
        }
        if expected.exception.is_some() {
            what += " faulted";
        }
        if ours.used {
            what += " undefined bits used";
        }
        let (count, id) = self.different.entry(what).or_default();
        (*count, *id) = (*count + 1, case.id);
        Ok(())
    }

    fn print(&self) -> ExitCode {
        println!("{} cases have the same undefined bits in the table as in the file", self.same);
        for (what, (count, id)) in &self.different {
            println!("{count:8}  {what} (case {id})");
        }
        ExitCode::from(u8::from(!self.different.is_empty()))
    }
}

fn mnemonic(case: &Case) -> &str {
    case.name.split([',', '[']).next().unwrap_or("")
}
