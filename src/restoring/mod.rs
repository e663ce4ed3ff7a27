//! From the image of a loaded application to a running process: `started` (how the server started this one),
//! `early` (before the C library is ready), `attempt` (which image, and whether it is valid), `fallback` (what
//! a restored process does that cannot start).

pub(crate) mod attempt;
#[cfg(starts_early)]
mod early;
pub(crate) mod fallback;
pub(crate) mod started;
