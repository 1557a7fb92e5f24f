//! `paravane golden review`: a person at a terminal, which here is a pseudo-terminal.

use super::golden_suite::{Suite, one_line};

#[test]
fn review_needs_a_terminal() {
    let suite = Suite::with_hello();
    let refused = suite.golden(&["review", "."]);
    assert_eq!(refused.status, Some(125), "{refused:?}");
    one_line(&refused, "needs a terminal");
}

#[cfg(target_os = "linux")]
mod at_a_terminal {
    use super::Suite;
    use nix::pty::{OpenptyResult, openpty};
    use std::fs::File;
    use std::io::{Read, Write};

    /// Answers a review on a pseudo-terminal: its exit status, and what it showed.
    fn reviewed(suite: &Suite, answers: &str) -> (Option<i32>, String) {
        let OpenptyResult { master, slave } = openpty(None, None).unwrap();
        let terminal = File::from(slave);
        let mut command = suite.command(&["review", "."]);
        command.stdin(terminal.try_clone().unwrap()).stdout(terminal);
        let mut child = command.spawn().unwrap();
        // Who holds the terminal open waits for its end for ever.
        drop(command);
        let mut keyboard = File::from(master);
        keyboard.write_all(answers.as_bytes()).unwrap();
        let mut shown = Vec::new();
        // Reading a terminal that everybody has closed is an error.
        let _ = keyboard.read_to_end(&mut shown);
        (child.wait().unwrap().code(), String::from_utf8_lossy(&shown).into_owned())
    }

    #[test]
    fn a_review_accepts_with_a_reason_rejects_skips_and_shows() {
        let suite = Suite::with_hello();
        let differ = || {
            suite.change("hello/expect.console", "16 MiB", "17 MiB");
            assert_eq!(suite.golden(&["run", "."]).status, Some(1));
        };
        differ();
        let (status, text) = reviewed(&suite, "o\nn\nx\ns\n");
        assert_eq!((status, suite.pending("hello")), (Some(3), 4), "{text}");
        for part in ["17 MiB of memory", "show [o]ld", "answer with one of the letters", "paravane-ladder 2"]
        {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let (status, text) = reviewed(&suite, "d\nq\n");
        assert!(
            text.contains("instruction by instruction this run does what was accepted")
                && text.contains("console differs in line 1"),
            "{text}"
        );
        assert_eq!((status, suite.pending("hello")), (Some(3), 4), "{text}");
        let (status, text) = reviewed(&suite, "r\n");
        assert_eq!((status, suite.pending("hello")), (Some(3), 0), "{text}");
        assert!(text.contains("hello: rejected"), "{text}");
        assert_eq!(suite.golden(&["run", "."]).status, Some(1));
        let (status, text) = reviewed(&suite, "a\n\na\nmore memory\n");
        assert_eq!((status, suite.pending("hello")), (Some(0), 0), "{text}");
        assert!(text.contains("a reason is needed") && text.contains("hello: accepted"), "{text}");
        assert!(suite.text("hello/expect.verdict.toml").contains("reason = \"more memory\""));
        let (status, text) = reviewed(&suite, "");
        assert!(status == Some(0) && text.contains("nothing is pending"), "{text}");
    }
}
