//! The exit statuses of the command, in one place.
//!
//! A guest's own code passes through from 0 to [`LAST_GUEST_CODE`]; the statuses above say why there is none.

use std::process::ExitCode;

/// The highest guest code that passes through unchanged.
pub const LAST_GUEST_CODE: u32 = 122;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// All went well, or nobody reads our output any more: who closes a pipe has seen enough.
    Success,
    /// The guest ended itself with this code.
    Guest(u32),
    /// `--max-instructions` or `--max-time` ran out.
    Limit,
    /// We or the host failed: a bad file, a wrong command line, a missing instruction, a bug.
    Failure,
    /// The guest crashed: a fault that it did not handle, or a deadlock.
    Crash,
    /// Two processors that should be equal are not.
    Different,
    /// What was asked for did not happen.
    Nothing,
    /// This host cannot do what was asked for.
    Unavailable,
    /// What only one command can end with; its help says what it means.
    Own(u8),
}

impl Status {
    /// The number for the host.
    pub fn number(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Guest(code) => u8::try_from(code).ok().filter(|_| code <= LAST_GUEST_CODE).unwrap_or(123),
            Self::Limit => 124,
            Self::Failure => 125,
            Self::Crash => 126,
            Self::Different | Self::Nothing => 1,
            Self::Unavailable => 77,
            Self::Own(number) => number,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.number())
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn guest_codes_pass_up_to_122_and_others_become_123() {
        for (code, number) in
            [(0, 0), (5, 5), (122, 122), (123, 123), (126, 123), (200, 123), (256, 123), (u32::MAX, 123)]
        {
            assert_eq!(Status::Guest(code).number(), number, "guest code {code}");
        }
    }
}
