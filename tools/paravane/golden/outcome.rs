//! The exit status of cases, in one place.

use crate::status::Status;
use ::golden::Judgement;

/// Something is missing, pending, or too little.
pub const MISSING: Status = Status::Own(3);
/// Another image or case than the accepted one.
pub const GUEST_CHANGED: Status = Status::Own(4);
/// Not the same twice.
pub const NONDETERMINISTIC: Status = Status::Own(5);
/// A limit was hit.
pub const LIMIT: Status = Status::Own(6);

/// The gravest first.
const BY_GRAVITY: [Status; 6] =
    [Status::Failure, NONDETERMINISTIC, Status::Different, LIMIT, GUEST_CHANGED, MISSING];

/// The status of a case.
pub fn status(judgement: &Judgement) -> Status {
    match judgement {
        Judgement::Holds => Status::Success,
        Judgement::Missing(_) | Judgement::Lacks(_) => MISSING,
        Judgement::Limit(_) => LIMIT,
        Judgement::GuestChanged(_) | Judgement::CaseChanged(_) => GUEST_CHANGED,
        Judgement::EmulatorChanged => Status::Different,
        Judgement::Nondeterministic => NONDETERMINISTIC,
        Judgement::Failed(_) => Status::Failure,
    }
}

/// The status of several cases; of none, something is missing.
pub fn gravest(statuses: &[Status]) -> Status {
    if statuses.is_empty() {
        return MISSING;
    }
    BY_GRAVITY.into_iter().find(|status| statuses.contains(status)).unwrap_or(Status::Success)
}

/// One word for a program.
pub fn word(judgement: &Judgement) -> &'static str {
    match judgement {
        Judgement::Holds => "holds",
        Judgement::Missing(_) => "missing",
        Judgement::Lacks(_) => "lacks",
        Judgement::Limit(_) => "limit",
        Judgement::GuestChanged(_) => "guest_changed",
        Judgement::CaseChanged(_) => "case_changed",
        Judgement::EmulatorChanged => "emulator_changed",
        Judgement::Nondeterministic => "nondeterministic",
        Judgement::Failed(_) => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::{GUEST_CHANGED, LIMIT, MISSING, NONDETERMINISTIC, gravest};
    use crate::status::Status;

    #[test]
    fn the_gravest_case_decides_and_no_case_is_no_success() {
        assert_eq!(gravest(&[]), MISSING);
        assert_eq!(gravest(&[Status::Success]), Status::Success);
        assert_eq!(gravest(&[MISSING, Status::Success, GUEST_CHANGED]), GUEST_CHANGED);
        assert_eq!(gravest(&[LIMIT, Status::Different]), Status::Different);
        assert_eq!(gravest(&[Status::Different, NONDETERMINISTIC, LIMIT]), NONDETERMINISTIC);
        assert_eq!(gravest(&[NONDETERMINISTIC, Status::Failure]).number(), 125);
    }
}
