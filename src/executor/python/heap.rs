//! The C library's heap, which has what is no small object of Python: the content of files, code, dictionaries. While
//! an application is loaded it grows by megabytes. As it is, each page of that costs a page fault, and the content of
//! each larger file a new mapping; here the heap grows once, in huge pages if the system has them.

use std::ptr;
use std::sync::Mutex;

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

/// What the C library has for both of the last.
const USUAL: i32 = 128 << 10;

/// With these an operator has decided already.
const DECIDED: [&str; 4] = [
    "GLIBC_TUNABLES",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TOP_PAD_",
    "MALLOC_TRIM_THRESHOLD_",
];

/// The address and the length of the part that has huge pages.
static ADVISED: Mutex<Option<(usize, usize)>> = Mutex::new(None);

/// Prepares it for loading an application. A process that becomes an image is left as it is, and one whose address
/// space is limited.
pub(super) fn prepare() {
    let is_limited = |resource| getrlimit(resource).current.is_some();
    let is_decided = || DECIDED.iter().any(|name| std::env::var_os(name).is_some());
    // With fewer bits a threshold as high as this one is refused.
    if usize::BITS < 64 || !arenas::uses_huge_pages() || is_decided() {
        return;
    }
    if is_limited(Resource::As) || is_limited(Resource::Data) {
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
        let part = room.wrapping_byte_add(before);
        // SAFETY: a part of what was allocated; the advice may fail.
        _ = unsafe { madvise(part, length, Advice::LinuxHugepage) };
        if let Ok(mut advised) = ADVISED.try_lock() {
            *advised = Some((part.expose_provenance(), length));
        }
        // SAFETY: allocated above, and not used.
        unsafe { libc::free(room) };
    }
    // SAFETY: as above.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED) };
}

/// In a process from which others are forked, each of which touches little: gives back what is free, and from now on
/// takes memory page by page.
pub(super) fn prepare_for_copies() {
    let advised = ADVISED.try_lock().ok().and_then(|mut part| part.take());
    let Some((start, length)) = advised else {
        return;
    };
    let start = ptr::with_exposed_provenance_mut(start);
    // SAFETY: as above; the advice changes no content, and fails where nothing is mapped any more.
    unsafe {
        libc::mallopt(libc::M_TOP_PAD, USUAL);
        libc::mallopt(libc::M_TRIM_THRESHOLD, USUAL);
        libc::malloc_trim(0);
        _ = madvise(start, length, Advice::LinuxNoHugepage);
    }
}
