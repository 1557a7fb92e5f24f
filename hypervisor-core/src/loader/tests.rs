//! Hostile and ordinary files, made byte by byte.
