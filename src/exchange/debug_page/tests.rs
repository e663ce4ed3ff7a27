//! What holds for every page, whatever is told in it.
