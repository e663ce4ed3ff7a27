//! Where in memory the blocks lie that a request writes to. A restored process pays for each page that it writes to,
//! and such blocks, hardly one of a hundred, lie thinly among all others. So one process learns which they are, when
//! it answers the request of the warm-up; in the process that becomes the image they lie side by side.
//!
//! `hooks` (how Python takes memory) · `state` (which memory is in use) · `contexts` (which block is which in another
//! process) · `learning` and `placed` (the memory of the one process and of the other) · `free_blocks`. What was learned
//! is kept in the folder for images (`image::learned`); if it is wrong, requests take longer, and nothing else.

mod contexts;
mod free_blocks;
mod hooks;
mod learning;
mod placed;
mod state;

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::interposed::draws;
use hooks::{install, state};
use image::learned::{self, Learned};
use learning::Learning;
use placed::Placed;
use process::handed_on::{HandedOn, VERSION};
use settings::cli::{ForPython, Placement};
use state::{Memory, State};

/// Called when this library is loaded. A process that makes an image loads it first (`LD_PRELOAD`), before Python has
/// taken any memory; in others there is nothing to do.
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn(c_int, *const *const c_char) = begin;

extern "C" fn begin(count: c_int, words: *const *const c_char) {
    if std::env::var_os(process::environment::PRELOAD).is_none() {
        return;
    }
    // SAFETY: the C library passes on what `main` will get.
    let words = (0..usize::try_from(count).unwrap_or(0))
        .map(|number| unsafe { CStr::from_ptr(*words.add(number)) }.to_bytes());
    // Python's own arguments come before.
    let words = words.skip_while(|word| *word != VERSION.as_bytes());
    let words = words.map(|word| OsStr::from_bytes(word).to_owned());
    if let Some(placement) = placement(words.collect()).filter(|_| draws::come_first()) {
        memory(&placement).and_then(install);
    }
}

fn placement(words: Vec<OsString>) -> Option<Placement> {
    let handed_on = HandedOn::from_words(words).ok()?;
    match ForPython::from_words(handed_on.arguments).ok()? {
        ForPython::Load(loading) => Some(loading.placement),
        _ => None,
    }
}

fn memory(placement: &Placement) -> Option<Memory> {
    match placement {
        Placement::Learns => {
            // SAFETY: the function may be called before any fork.
            unsafe { libc::pthread_atfork(Some(before_fork), None, None) };
            Learning::new().map(Memory::Learning)
        }
        Placement::Learned(path) => {
            let known = learned::read(path);
            Placed::new(&known.unwrap_or_default()).map(Memory::Placed)
        }
    }
}

unsafe extern "C" fn before_fork() {
    if let Some(learning) = learning() {
        learning.before_fork();
    }
}

fn learning() -> Option<&'static mut Learning> {
    match &mut state()?.memory {
        Memory::Learning(learning) => Some(learning),
        Memory::Placed(_) => None,
    }
}

/// Whether this process can learn.
pub(crate) fn learns() -> bool {
    learning().is_some()
}

/// A file that has to stay open while this process learns.
pub(crate) fn file() -> Option<BorrowedFd<'static>> {
    learning().map(|learning| learning.file())
}

/// The application is loaded.
pub(crate) fn loading_has_ended() {
    if let Some(state) = state() {
        state.loading_has_ended();
    }
}

/// What is taken from now on belongs to a request.
pub(crate) fn request_begins() {
    if let Some(state) = state() {
        state.in_request = true;
    }
}

/// Begins to learn which blocks are written to.
///
/// # Errors
/// Where this process cannot.
pub(crate) fn watch() -> Result<()> {
    if learning().is_some_and(Learning::watch) {
        return Ok(());
    }
    bail!("this process cannot tell any more what is written to")
}

/// Keeps for later processes what was learned.
///
/// # Errors
/// If that is not possible: then requests take longer.
pub(crate) fn keep(path: &Path) -> Result<()> {
    let Some(State {
        taken,
        memory: Memory::Learning(learning),
        ..
    }) = state()
    else {
        return Ok(());
    };
    let learned = Learned {
        taken: *taken,
        keys: learning.written()?,
    };
    learned::write(path, &learned)
}

/// Whether what was learned is of this application as it is now.
pub(crate) fn fits() -> bool {
    match state() {
        Some(State {
            taken,
            memory: Memory::Placed(placed),
            ..
        }) => placed.fits(*taken),
        _ => false,
    }
}
