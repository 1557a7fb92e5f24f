//! Instruction cases in the v32 format: read, run, compare.
