//! The program `wsgi-cgi`: static, small, no Python in it. It decides what was asked, of which
//! application, with which Python, and whether an image answers; then it becomes that process, or starts it
//! and waits beside it.
//!
//! - `lives`: each kind of process that the program may be, one file each.
//! - `commands`: what a person may ask for.
//! - `doctor`: what keeps a script from being served, on a terminal and as a page.
//! - `restoring`: from the image of a loaded application to a running process.
//! - `becoming`: from this program to a Python with the executor in it.
#![no_main]

mod becoming;
mod commands;
mod doctor;
mod lives;
mod restoring;

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

use process::runtime_setup;
use restoring::started::Started;

/// Called by the C library.
///
/// # Safety
/// The arguments are those of a C program's `main`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(
    _count: c_int,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    let started = Started::of_this_process(unsafe { words(arguments) }, environment);
    // It lives as long as the process.
    let started: &'static Started = Box::leak(Box::new(started));
    // A client may have chosen the arguments: whether this is a request is decided before any is parsed.
    if !started.is_a_request() {
        // An early start installed handlers for fatal signals; only a request needs them.
        runtime_setup::default_fatal_signals();
    }
    if started.is_trial() {
        lives::trial::run(started)
    } else if started.is_a_request() {
        lives::cgi::run(started)
    } else {
        commands::run(started).code().into()
    }
}

/// The strings of a null-terminated list of C strings.
unsafe fn words(mut list: *const *const c_char) -> Vec<OsString> {
    let mut words = Vec::new();
    // SAFETY: the caller's promise.
    unsafe {
        while !(*list).is_null() {
            words.push(OsStr::from_bytes(CStr::from_ptr(*list).to_bytes()).to_owned());
            list = list.add(1);
        }
    }
    words
}
