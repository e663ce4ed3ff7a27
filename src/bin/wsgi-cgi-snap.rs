//! Answers a CGI request by restoring the image of its application: `wsgi-cgi-snap` in a script's
//! `#!` line, in the place of `wsgi-cgi`. It has no Python. With no image, or any doubt about the
//! one there is, `wsgi-cgi` takes its place and answers a cold request.
//!
//! It is a static program at an address of its own, so that whatever an image occupies is free.
#![no_main]

#[path = "../snapshot/cold.rs"]
mod cold;
#[path = "../snapshot/encoding.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "it is a part of the library"
)]
mod encoding;
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

use std::ffi::{c_char, c_int};

/// Called by the C library.
///
/// # Safety
/// The arguments are those of a C program's `main`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(
    _count: c_int,
    _arguments: *const *const c_char,
    environment: *const *const c_char,
) -> c_int {
    start::run(environment)
}
