//! Where no image can be made: a call that returns once.

use std::ffi::c_void;

use crate::branch::Handoff;
use crate::format::Head;

/// Whether images can be made here.
pub(crate) const SUPPORTED: bool = false;

pub(crate) unsafe fn wsgi_cgi_branch(
    _stack_pointer: *mut u64,
    write: extern "C" fn(*mut c_void),
    data: *mut c_void,
) -> *const Handoff {
    write(data);
    std::ptr::null()
}

pub(crate) fn wsgi_cgi_resume() {}

pub(crate) fn thread_pointer() -> u64 {
    0
}

pub(crate) fn jump(_head: &Head, _handoff: &Handoff) -> ! {
    unreachable!("nothing is restored here")
}

/// The processor's features, as the kernel reports them.
pub(crate) fn features() -> [usize; 2] {
    let (one, other) = rustix::param::linux_hwcap();
    [one, other]
}
