//! Loading an application under observation: a second process, the observer, sees each system call by which
//! the maker looks at the file system, be it from Python, a C library or a thread. It also holds the request's
//! environment and returns the variables that the maker asks for by name, so that no others are in the memory
//! that becomes an image.
//!
//! `tracing` (the observer's main loop) · `tracee` (what it reads from an observed thread) · `calls` (which
//! system calls look at what) · `seen` (what it records) · `questions` (what the maker asks it). What follows
//! from that is decided in `watch`.

mod calls;
pub mod questions;
pub mod seen;
#[cfg(target_arch = "x86_64")]
mod tracee;
#[cfg(target_arch = "x86_64")]
mod tracing;

#[cfg(target_arch = "x86_64")]
pub use tracing::observe;

/// The steps of a process that makes an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is loading the application.
    Loads,
    /// It has loaded the application and is writing the image.
    IsWritten,
}

/// Where no image can be made nobody needs to look.
///
/// # Errors
/// Always.
#[cfg(not(target_arch = "x86_64"))]
pub fn observe(
    _: std::process::Command,
    _: &exchange::MetaVariables,
    _: &mut dyn FnMut(Step),
) -> anyhow::Result<i32> {
    anyhow::bail!("images are made on x86-64 Linux only")
}
