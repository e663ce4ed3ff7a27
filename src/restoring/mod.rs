//! From the image of a loaded application to a running process: `started` (how the server started this
//! one), `early` (before the C library is ready), `attempt` (which image, and whether it holds), `way_out`
//! (where a restored process goes that cannot begin).

pub(crate) mod attempt;
#[cfg(starts_early)]
mod early;
pub(crate) mod started;
pub(crate) mod way_out;
