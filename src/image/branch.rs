//! A call that returns twice: in the process that writes an image, once the image is written, and
//! in each process that is restored from it.

use std::ffi::{c_char, c_void};
use std::sync::atomic::AtomicU32;

use crate::arch;

pub(super) use arch::SUPPORTED;

/// What the program leaves for the process that it restores, in memory that stays mapped.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Handoff {
    /// The environment of the new process, as `main` gets it.
    pub environment: *const *const c_char,
    /// The image's file.
    pub image: *const c_char,
    /// Whether this is only a trial.
    pub trial: u64,
    /// The image's `sealed` time, for a process that is to record which pages it writes to; else 0.
    pub learns: u64,
    /// The page of the claim to the answer, where a process waits beside this one; else null.
    pub claim: *mut AtomicU32,
    /// When the program began, in nanoseconds.
    pub began: u64,
    /// The CPU time of the processes before this one, in nanoseconds.
    pub spent: u64,
    /// Starts the same once more without an image, as if nothing had been restored; null in a trial.
    pub cold: Option<extern "C" fn() -> !>,
}

/// Where the stack was.
static mut STACK_POINTER: u64 = 0;

/// The address that the program jumps to, and that of the saved stack pointer.
pub(super) fn entry() -> (u64, u64) {
    let resume = arch::wsgi_cgi_resume as *const () as u64;
    (resume, (&raw const STACK_POINTER).addr() as u64)
}

/// A number that tells threads of this process apart; the same in a process restored from its image.
#[inline]
#[must_use]
pub fn thread_pointer() -> u64 {
    arch::thread_pointer()
}

/// Calls `write`, which writes an image of this process; then returns `None`. In a process that was
/// restored from the image it returns what the program left.
pub fn branch(write: &mut dyn FnMut()) -> Option<Handoff> {
    extern "C" fn call(data: *mut c_void) {
        // SAFETY: `data` is the reference below, which outlives the call.
        let write = unsafe { &mut *data.cast::<&mut dyn FnMut()>() };
        write();
    }
    let mut write = write;
    let data = (&raw mut write).cast::<c_void>();
    // SAFETY: the function keeps every register that a call must keep, both times it returns; the
    // process has one thread.
    let handoff = unsafe { arch::wsgi_cgi_branch(&raw mut STACK_POINTER, call, data) };
    // SAFETY: null, or what the program left in its own memory, which stays mapped.
    (!handoff.is_null()).then(|| unsafe { *handoff })
}
