//! Answers a CGI request by restoring the image of its application: `wsgi-cgi-snap` in a script's
//! `#!` line, in the place of `wsgi-cgi`. It has no Python. With no image, or any doubt about the
//! one there is, `wsgi-cgi` takes its place and answers a cold request.
//!
//! It is a static program at an address of its own, so that whatever an image occupies is free.
#![no_main]

#[path = "../snapshot/cold.rs"]
mod cold;
#[path = "../snapshot/common.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod common;
#[cfg(starts_early)]
#[path = "../snapshot/early.rs"]
mod early;
#[path = "../snapshot/encoding.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod encoding;
#[path = "../snapshot/filter.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod filter;
#[path = "../snapshot/format.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod format;
#[path = "../snapshot/freshness.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod freshness;
#[path = "../snapshot/inherited.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod inherited;
#[path = "../transport/invocation.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod invocation;
#[path = "../exchange/meta_variables.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod meta_variables;
#[path = "../snapshot/pace.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod pace;
#[path = "../snapshot/pages.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod pages;
#[path = "../snapshot/place.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod place;
#[path = "../snapshot/plan.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod plan;
#[path = "../snapshot/processor.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod processor;
#[path = "../snapshot/restore.rs"]
mod restore;
#[path = "../transport/split.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod split;
#[path = "../snapshot/start.rs"]
mod start;

/// What the shared files know under this name.
mod exchange {
    pub(crate) use super::meta_variables::{MetaVariables, is_of_a_request};
}

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

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
    start::run(unsafe { words(arguments) }, environment)
}

/// What a list of C strings says, which ends with a null pointer.
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
