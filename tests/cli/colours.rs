//! Colours are on a terminal, and nowhere else unless they are asked for. They change no text.

use super::paravane::{TemporaryFile, paravane, run, sample};
use super::terminal::on_terminal;
use std::ffi::OsStr;

fn record(name: &str) -> TemporaryFile {
    let file = TemporaryFile::new("colours.pvt", b"");
    let options = ["trace", "--format", "pvt", "-o"].map(OsStr::new);
    let finished = run(options.into_iter().chain([file.as_ref(), OsStr::new(name)]));
    assert!(finished.status.is_some_and(|status| status != 125), "{}", finished.stderr);
    file
}

/// Without what a terminal takes for colours.
fn plain(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    first + &parts.map(|part| part.split_once('m').map_or(part, |(_, text)| text)).collect::<String>()
}

#[test]
fn a_pipe_and_a_file_get_no_colours() {
    let recorded = record("builtin:ticker");
    let shown = run(["show".as_ref(), recorded.as_ref()]);
    assert!(!shown.text().contains('\x1b') && shown.text().contains("pv_print"));
    let output = TemporaryFile::new("trace.txt", b"");
    let arguments = ["trace", "--color", "always", "-o"].map(OsStr::new).into_iter().chain([output.as_ref()]);
    run(arguments.chain([OsStr::new("builtin:ticker")]));
    assert!(output.contents() == shown.stdout, "not even if they are asked for");
}

#[test]
fn colours_that_are_asked_for_change_no_text() {
    for name in ["builtin:ticker", "builtin:flight"] {
        let recorded = record(name);
        for options in [&[][..], &["--calls"], &["--only", "calls,traps"], &["--last", "40"]] {
            let options = options.iter().map(OsStr::new);
            let show = |first: &'static [&'static str]| {
                let arguments = first.iter().map(OsStr::new).chain([OsStr::new("show"), recorded.as_ref()]);
                run(arguments.chain(options.clone())).text()
            };
            let (coloured, without) = (show(&["--color", "always"]), show(&[]));
            assert!(coloured.contains("\x1b["), "{name}");
            assert!(plain(&coloured) == without, "{name}");
        }
    }
}

#[test]
fn the_environment_decides_unless_the_option_does() {
    let recorded = record("builtin:hello");
    let is_coloured = |options: &[&str], variables: &[&str]| {
        let arguments = [OsStr::new("show"), recorded.as_ref()];
        let mut command = paravane(arguments.into_iter().chain(options.iter().map(OsStr::new)));
        command.envs(variables.iter().map(|variable| (variable, "1")));
        String::from_utf8_lossy(&command.output().expect("it runs").stdout).contains('\x1b')
    };
    assert!(is_coloured(&[], &["CLICOLOR_FORCE"]));
    assert!(!is_coloured(&[], &["NO_COLOR"]));
    assert!(!is_coloured(&[], &["NO_COLOR", "CLICOLOR_FORCE"]));
    assert!(is_coloured(&["--color", "always"], &["NO_COLOR"]));
    assert!(!is_coloured(&["--color", "never"], &["CLICOLOR_FORCE"]));
}

#[test]
fn a_terminal_gets_colours() {
    let recorded = record("builtin:hello");
    let without = run(["show".as_ref(), recorded.as_ref()]).text();
    let arguments = [OsStr::new("show"), recorded.as_ref()];
    let Some(text) = on_terminal(&arguments, &[]) else { return };
    assert!(text.contains("\x1b[36m"), "{text:?}");
    // A terminal ends a line with two characters.
    assert_eq!(plain(&text).replace("\r\n", "\n"), without);
    let text = on_terminal(&arguments, &[("NO_COLOR", "1")]).expect("there was a terminal");
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[test]
fn answers_and_errors_are_coloured_too() {
    let recorded = record("builtin:ticker");
    let ask = |colour: &'static str| {
        let arguments = ["--color", colour, "query"].map(OsStr::new).into_iter().chain([recorded.as_ref()]);
        run(arguments.chain(["who-wrote", "ticks"].map(OsStr::new))).text()
    };
    let (coloured, without) = (ask("always"), ask("never"));
    assert!(coloured.contains("\x1b[36mon_tick"), "{coloured:?}");
    assert_eq!(plain(&coloured), without);
    let error = run(["--color", "always", "show", "no.pvt"]).stderr;
    assert!(error.starts_with("\x1b[1m\x1b[31mparavane:\x1b[0m no.pvt: "), "{error:?}");
    assert!(run(["show", "no.pvt"]).stderr.starts_with("paravane: no.pvt: "));
    let guest = sample("hello");
    assert!(!run([OsStr::new("run"), guest.as_os_str()]).stderr.contains('\x1b'));
}
