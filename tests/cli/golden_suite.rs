//! Suites of golden tests for tests of `paravane golden`.

use super::paravane::{Finished, paravane, sample};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// A suite in a folder that is removed at the end of the test.
pub struct Suite(pub PathBuf);

impl Suite {
    /// An empty one.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("paravane-suite-{}-{number}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A suite with the accepted case `hello`.
    pub fn with_hello() -> Self {
        let suite = Self::new();
        fs::copy(sample("hello"), suite.file("hello.elf")).unwrap();
        suite.accepted("hello", &["--image", "hello.elf", "--require-symbol", "main"]);
        suite
    }

    /// Makes a case and accepts it.
    pub fn accepted(&self, name: &str, options: &[&str]) {
        let made = self.golden(&[&["new", name], options].concat());
        assert_eq!(made.status, Some(3), "{made:?}");
        let accepted = self.golden(&["accept", name, "--reason", "a test"]);
        assert_eq!(accepted.status, Some(0), "{accepted:?}");
    }

    /// Makes the digests of a case's ladder other ones, from this instruction on.
    pub fn spoil_ladder(&self, case: &str, from: u64) {
        let name = format!("{case}/expect.ladder");
        let spoilt = |line: &str| {
            let (start, _) = line.rsplit_once(' ').unwrap();
            match start.rsplit_once(' ').map(|(_, at)| at.parse::<u64>()) {
                Some(Ok(at)) if at >= from => format!("{start} 0000000000000000\n"),
                _ => format!("{line}\n"),
            }
        };
        let text: String = self.text(&name).lines().map(spoilt).collect();
        fs::write(self.file(&name), text).unwrap();
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn change(&self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert!(text.contains(from), "{name}: {text}");
        fs::write(self.file(name), text.replacen(from, to, 1)).unwrap();
    }

    /// How many files of a case wait to be accepted.
    pub fn pending(&self, case: &str) -> usize {
        let entries = fs::read_dir(self.file(case)).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == "new")).count()
    }

    /// Runs `paravane golden` in the suite's folder.
    pub fn golden(&self, arguments: &[&str]) -> Finished {
        self.golden_with(arguments, &[])
    }

    /// The same with variables of the environment.
    pub fn golden_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        Finished::of(&command.output().unwrap())
    }

    /// `paravane golden` in the suite's folder, by ann, at a desk.
    pub fn command(&self, arguments: &[&str]) -> process::Command {
        let mut command = paravane([&["golden"], arguments].concat());
        command.current_dir(&self.0).env_remove("CI").env("USER", "ann");
        command
    }
}

impl Drop for Suite {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Its stderr is one line, and says this.
pub fn one_line(finished: &Finished, says: &str) {
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    assert!(finished.stderr.contains(says), "`{says}` is missing in {finished:?}");
}
