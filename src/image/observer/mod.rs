//! Loading an application under observation: a second process sees each system call by which the
//! loading one looks at the file system, whoever makes it: Python, a library in C, a thread. It
//! holds the request's environment too and gives what is asked for by name, so that nothing else
//! of it is in the memory that becomes an image.
//!
//! `tracing` (the observer's life) · `tracee` (what is read of a thread that it observes) · `calls` (which system calls look at what) · `seen` (what it
//! took down) · `questions` (what the loading process asks it). What follows from what was seen is
//! decided in `watch`.

mod calls;
pub mod questions;
pub mod seen;
#[cfg(target_arch = "x86_64")]
mod tracee;
#[cfg(target_arch = "x86_64")]
mod tracing;

#[cfg(target_arch = "x86_64")]
pub use tracing::observe;

/// What a process that loads an application for an image comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It loads the application.
    Loads,
    /// It has, and writes itself down.
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
