//! The command line of Paravane: the only part of it that reads and writes files, terminals and pipes.

mod again;
mod arguments;
mod beginning;
mod call_filter;
mod check_command;
mod conclusion;
mod console;
mod crash_report;
mod diff;
mod export_command;
mod filter_options;
mod filtered;
mod flight_recorder;
mod golden;
mod health_lines;
mod info;
mod input;
mod json;
mod kit;
mod lockstep;
mod logging;
mod look;
mod output;
mod paint;
mod progress;
mod pvt_sink;
mod query;
mod recording_stats;
mod report_command;
mod rest;
mod roster;
mod run;
mod session;
mod show_command;
mod source_notes;
mod statistics;
mod statistics_json;
mod status;
mod subject;
mod text_sink;
mod trace_command;
mod verify_command;
mod view;
mod written;

use arguments::{Arguments, Command};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use output::{ERROR, Ended, complain};
use status::Status;
// The other files know it as `crate::quantities`.
use std::io::{self, BufWriter};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::process::ExitCode;
use system_file::quantities;

fn main() -> ExitCode {
    set_hook(Box::new(|panic| complain(bug(panic))));
    guarded(command).into()
}

/// A panic is a failure of ours, whatever it interrupted.
fn guarded(command: impl FnOnce() -> Status) -> Status {
    // What unwound is dropped without being looked at again.
    catch_unwind(AssertUnwindSafe(command)).unwrap_or(Status::Failure)
}

fn command() -> Status {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return explain(&error),
    };
    // The guests of the kit do on purpose what is warned of.
    let expects_warnings = matches!(arguments.command, Command::Kit(_)) && arguments.verbose == 0;
    let judges = arguments.command.judges();
    arguments.color.take_effect();
    logging::start(arguments.verbose, arguments.quiet || expects_warnings);
    let ended = match arguments.command {
        Command::Run(run) => run::run(&run),
        Command::Trace(trace) => trace_command::trace(&trace),
        Command::Show(show) => show_command::show(&show),
        Command::Export(options) => export_command::export(&options),
        Command::Report(options) => report_command::report(&options),
        Command::Verify(verify) => verify_command::verify(&verify),
        Command::Query(query) => query::query(&query),
        Command::Stats(stats) => recording_stats::stats(&stats),
        Command::Diff(options) => diff::diff(&options),
        Command::Info(info) => info::info(&info),
        Command::Check(check) => check_command::check(&check),
        Command::Lockstep(options) => lockstep::lockstep(&options),
        Command::Kit(options) => kit::kit(&options),
        Command::Golden(command) => golden::golden(&command),
        Command::Vectors => answer_vectors(),
    };
    match ended {
        Ok(status) => status,
        // Who pipes a judgement into `head` must not take it for a good one.
        Err(Ended::Closed) if judges => {
            complain("paravane: stdout was closed before everything was judged: the rest is not known");
            Status::Failure
        }
        Err(Ended::Closed) => Status::Success,
        Err(Ended::Failed(why)) => {
            complain(format_args!("{ERROR}paravane:{ERROR:#} {why}"));
            Status::Failure
        }
    }
}

/// Help and version are answers on stdout; a wrong command line is a failure of ours, not the guest's.
fn explain(error: &clap::Error) -> Status {
    // A command that lacks its own command, as `golden` does, was not asked for help.
    let is_bare = std::env::args_os().len() <= 1;
    // If printing fails, nobody is left to tell.
    let _ = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if is_bare => Arguments::command().print_help(),
        _ => error.print(),
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Status::Success,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if is_bare => Status::Success,
        _ => Status::Failure,
    }
}

fn answer_vectors() -> Result<Status, Ended> {
    let answers = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    match vectors::answer(io::stdin().lock(), answers) {
        Ok(_) => Ok(Status::Success),
        Err(vectors::Problem::Write(error)) => Err(error.into()),
        Err(problem) => Err(Ended::Failed(problem.to_string())),
    }
}

/// One line about a panic, which is always a fault of ours.
fn bug(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let what = text.unwrap_or("no message").replace('\n', " ");
    let place =
        panic.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
    format!(
        "paravane: this is a bug in Paravane{place}: {what}. Please report it with the command that you ran"
    )
}

#[cfg(test)]
mod tests {
    use super::{bug, guarded};
    use crate::status::Status;
    use std::panic::{set_hook, take_hook};
    use std::sync::mpsc::channel;

    #[test]
    fn a_panic_exits_125_with_one_line_that_asks_for_a_report() {
        let (sender, lines) = channel();
        let hook = take_hook();
        set_hook(Box::new(move |panic| {
            let _ = sender.send(bug(panic));
        }));
        let status = guarded(|| panic!("two\nlines"));
        set_hook(hook);
        assert_eq!((status, status.number()), (Status::Failure, 125));
        // Other tests may panic meanwhile.
        let line = lines.iter().find(|line| line.contains("two lines")).expect("the hook was called");
        assert!(line.contains("main.rs:") && line.contains("report") && !line.contains('\n'), "{line}");
    }
}
