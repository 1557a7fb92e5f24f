//! Pure arithmetic: values and flags in, values and flags out.
