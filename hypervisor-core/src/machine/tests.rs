//! Small guests in machine code.
