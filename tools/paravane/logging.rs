//! Warnings and notes on stderr, one line each, without host times: `warning: ...`.

use env_logger::{Builder, Env, Target};
use log::{Level, LevelFilter};
use std::io::Write;

/// Listens to `log`. The command line goes before RUST_LOG, and without both there are warnings and errors.
pub fn start(verbose: u8, quiet: bool) {
    let level = match verbose {
        0 if quiet => LevelFilter::Error,
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        3.. => LevelFilter::Trace,
    };
    let mut builder = Builder::new();
    builder.filter_level(level);
    if verbose == 0 && !quiet {
        builder.parse_env(Env::default());
    }
    builder.target(Target::Stderr).format(|out, record| {
        let style = out.default_level_style(record.level());
        let name = match record.level() {
            Level::Error => "error",
            Level::Warn => "warning",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        };
        writeln!(out, "{style}{name}{style:#}: {}", record.args())
    });
    builder.init();
}
