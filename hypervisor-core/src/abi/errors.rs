//! The errors of calls. A call that returns one has had no effect.

/// Why a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum CallError {
    /// No call has this number.
    NoSuchCall = -1,
    /// An address is not in the partition's memory with the rights that the call needs, or a range wraps.
    BadAddress = -2,
    /// The address of an integer or a structure is not a multiple of 4, or that of a page not one of 4096.
    Misaligned = -3,
    /// An argument has a value that the call does not know.
    InvalidArgument = -4,
    /// The number of a port is not below the number of ports.
    NoSuchPort = -5,
    /// The port, or the virtual interrupt, is not bound.
    NotBound = -6,
    /// The port, or the virtual interrupt, is already bound.
    AlreadyBound = -7,
    /// The port is bound to something for which the call is not meant.
    WrongBinding = -8,
    /// The period is shorter than one microsecond.
    PeriodTooShort = -9,
    /// The trap has no handler in the guest's trap table.
    NoHandler = -10,
    /// No console input waits and none will come.
    EndOfInput = -11,
    /// The configuration has no object of this name or number for the partition.
    NoSuchObject = -12,
    /// The configuration does not grant this to the partition.
    NotPermitted = -13,
    /// The deadline passed first.
    TimedOut = -14,
    /// Something is mapped there already.
    AlreadyMapped = -15,
    /// There is nothing to receive, or no space to send, and the call does not wait.
    NotAvailable = -16,
    /// The message port is the other end of its channel.
    WrongDirection = -17,
    /// The message is longer than the channel's longest.
    TooLong = -18,
    /// The channel is of another kind than the call is meant for.
    WrongKind = -19,
    /// The buffer is shorter than the channel's longest message.
    TooShort = -20,
}

/// An error as the headers and the document show it.
#[derive(Debug)]
pub struct ErrorDescription {
    /// The error.
    pub error: CallError,
    /// Its name in lower case.
    pub name: &'static str,
    /// What it means.
    pub documentation: &'static str,
}

const fn describe(error: CallError, name: &'static str, documentation: &'static str) -> ErrorDescription {
    ErrorDescription { error, name, documentation }
}

/// Every error, from -1 down.
pub const ERRORS: &[ErrorDescription] = &[
    describe(CallError::NoSuchCall, "no_such_call", "No call has this number."),
    describe(
        CallError::BadAddress,
        "bad_address",
        "An address is not in the partition's memory with the rights that the call needs, or address plus length \
         goes past 4 GiB.",
    ),
    describe(
        CallError::Misaligned,
        "misaligned",
        "The address of an integer or a structure is not a multiple of 4, or that of a page not a multiple of 4096.",
    ),
    describe(
        CallError::InvalidArgument,
        "invalid_argument",
        "An argument has a value that the call does not know.",
    ),
    describe(CallError::NoSuchPort, "no_such_port", "The port number is 1024 or more."),
    describe(CallError::NotBound, "not_bound", "The port, or the virtual interrupt, is not bound."),
    describe(
        CallError::AlreadyBound,
        "already_bound",
        "The port, or the virtual interrupt, is already bound.",
    ),
    describe(
        CallError::WrongBinding,
        "wrong_binding",
        "The port is bound to something for which the call is not meant.",
    ),
    describe(CallError::PeriodTooShort, "period_too_short", "The period is shorter than 1,000 ns."),
    describe(CallError::NoHandler, "no_handler", "The guest's trap table has no handler for the vector."),
    describe(CallError::EndOfInput, "end_of_input", "No console input waits and none will come."),
    describe(
        CallError::NoSuchObject,
        "no_such_object",
        "The configuration has no line, channel, message port, partition, plan or log entry of this name or number for \
         the partition.",
    ),
    describe(
        CallError::NotPermitted,
        "not_permitted",
        "The configuration does not grant this to the partition.",
    ),
    describe(CallError::TimedOut, "timed_out", "The deadline passed first."),
    describe(CallError::AlreadyMapped, "already_mapped", "Something is mapped in the range already."),
    describe(
        CallError::NotAvailable,
        "not_available",
        "Nothing was ever written, or there is nothing to receive, or no space to send, and the call does not wait.",
    ),
    describe(
        CallError::WrongDirection,
        "wrong_direction",
        "The partition, or its message port, is the other end of the channel.",
    ),
    describe(CallError::TooLong, "too_long", "The message is longer than the channel's longest."),
    describe(
        CallError::WrongKind,
        "wrong_kind",
        "The channel is of another kind than the call is meant for: sampling, queuing, or by priority.",
    ),
    describe(CallError::TooShort, "too_short", "The buffer is shorter than the channel's longest message."),
];

impl CallError {
    /// The value in EAX.
    #[must_use]
    pub const fn code(self) -> u32 {
        (self as i32).cast_unsigned()
    }

    /// The error that a value in EAX stands for.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        ERRORS.iter().map(|description| description.error).find(|error| error.code() == code)
    }

    /// Whether a call that is right can get this error, from what others did or did not do. Such an answer is no illegal call.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        matches!(self, Self::EndOfInput | Self::TimedOut | Self::NotAvailable)
    }

    /// The name in the headers, the document and the trace.
    #[must_use]
    pub fn name(self) -> &'static str {
        ERRORS
            .iter()
            .find(|description| description.error == self)
            .map_or("unnamed", |description| description.name)
    }
}
