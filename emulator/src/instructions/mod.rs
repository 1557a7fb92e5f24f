//! What each instruction does, a file for each group of the SDM (Vol. 1, ch. 5).
