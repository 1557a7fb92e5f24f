//! Why a system call failed, by Linux's number.

/// An error number (Linux include/uapi/asm-generic/errno-base.h and errno.h).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Failure {
    /// Not for this caller.
    NotPermitted = 1,
    /// No such file.
    NoEntry = 2,
    /// No such process, or no free entry.
    NotFound = 3,
    /// No such descriptor.
    BadDescriptor = 9,
    /// No memory, or not mapped.
    NoMemory = 12,
    /// A pointer to what the program may not touch.
    BadAddress = 14,
    /// Something is there.
    Exists = 17,
    /// An argument that has no meaning.
    Invalid = 22,
    /// Not a terminal.
    NoTerminal = 25,
    /// A descriptor without positions.
    NoSeek = 29,
    /// No such call.
    NoSystemCall = 38,
}

impl Failure {
    /// What the program finds in EAX.
    #[must_use]
    pub fn code(self) -> u32 {
        (-(self as i32)).cast_unsigned()
    }
}
