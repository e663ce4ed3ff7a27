//! Where no image can be made: a call that returns once.

use std::ffi::c_void;

use super::Handoff;

/// Whether images can be made here.
pub(crate) const SUPPORTED: bool = false;

pub(super) unsafe fn wsgi_cgi_branch(
    _stack_pointer: *mut u64,
    write: extern "C" fn(*mut c_void),
    data: *mut c_void,
) -> *const Handoff {
    write(data);
    std::ptr::null()
}

pub(super) fn wsgi_cgi_resume() {}

pub(crate) fn thread_pointer() -> u64 {
    0
}
