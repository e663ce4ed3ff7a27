//! The C library's heap, which has what is no small object of Python: the content of files, code, dictionaries. While
//! an application is loaded it grows by megabytes. As it is, each page of that costs a page fault, and the content of
//! each larger file a new mapping; here the heap grows once, in huge pages if the system has them.

use rustix::mm::{Advice, madvise};
use rustix::process::{Resource, getrlimit};

use super::arenas::{self, HUGE, SMALL};

/// How much the heap has from the start: address space, of which memory is taken where it is written to.
const ROOM: usize = 16 << 20;

/// What is larger is mapped by itself, and goes back to the system when it is freed.
const MAPPED: i32 = 4 << 20;

/// How much may be free at the end of the heap.
const KEPT: i32 = 32 << 20;

/// How much more than it needs the heap grows by.
const STEP: i32 = 1 << 20;

/// Prepares it for loading an application. A process that becomes an image is left as it is, and one whose address
/// space is limited.
pub(super) fn prepare() {
    let is_limited = |resource| getrlimit(resource).current.is_some();
    if !arenas::uses_huge_pages() || is_limited(Resource::As) || is_limited(Resource::Data) {
        return;
    }
    // SAFETY: settings of the allocator, for which any number is valid.
    unsafe {
        libc::mallopt(libc::M_TOP_PAD, STEP);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        // It has to come from the heap. No larger number is taken.
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
    }
    // SAFETY: any length may be asked for.
    let room = unsafe { libc::malloc(ROOM) };
    if !room.is_null() {
        // A small application does not come that far.
        let before = (room.addr() + SMALL).next_multiple_of(HUGE) - room.addr();
        let length = (ROOM - before) / HUGE * HUGE;
        // SAFETY: a part of what was allocated; the advice may fail.
        _ = unsafe {
            madvise(
                room.wrapping_byte_add(before),
                length,
                Advice::LinuxHugepage,
            )
        };
        // SAFETY: allocated above, and not used.
        unsafe { libc::free(room) };
    }
    // SAFETY: as above.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED) };
}
