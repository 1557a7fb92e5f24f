//! The rules of event ports, over plain arrays.
