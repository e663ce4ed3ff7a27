//! The allocator for Python's small objects and function frames. While an application is loaded, memory
//! is taken in huge pages if the system has them: that saves 511 of 512 page faults, and TLB misses.
//! Importing modules allocates and frees the next chunk for frames hundreds of times: one free chunk is
//! kept.

use std::ffi::c_void;
use std::ops::Range;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use super::beyond_abi3::{ArenaAllocator, set_arena_allocator};

/// The length of a huge page.
pub(super) const HUGE: usize = 2 << 20;
/// The length of a chunk for frames (`DATA_STACK_CHUNK_SIZE`).
const FRAMES: usize = 16 << 10;

/// How much memory a small application takes.
pub(super) const SMALL: usize = 1 << 20;

/// How much was taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static LOADING: AtomicBool = AtomicBool::new(true);
static USE_HUGE_PAGES: AtomicBool = AtomicBool::new(true);
/// What is left of the last huge page.
static REST: Mutex<Range<usize>> = Mutex::new(0..0);
/// A free chunk for frames.
static KEPT: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Turns huge pages off, for a process that becomes an image: a mapped file has none, and restoring the
/// advice would cost a system call for each.
pub fn without_huge_pages() {
    USE_HUGE_PAGES.store(false, Ordering::Relaxed);
}

/// Whether memory for what is loaded is taken in huge pages.
pub(super) fn uses_huge_pages() -> bool {
    USE_HUGE_PAGES.load(Ordering::Relaxed)
}

/// Reserves memory for what requests create, near what is loaded. Otherwise each restored process would
/// have to map it, and Python would allocate a table of 128 KiB for it.
pub fn reserve_memory() {
    if let Ok(mut rest) = REST.try_lock()
        && rest.is_empty()
        && let Some(page) = huge_page()
    {
        *rest = page;
    }
}

/// Makes Python allocate here from now on. It may also free here what it allocated before, which was
/// mapped in the same way.
pub(super) fn set_allocator() {
    set_arena_allocator(ArenaAllocator {
        context: ptr::null_mut(),
        take,
        give_back,
    });
}

/// From now on pages are mapped one by one: a request touches few.
pub(super) fn loading_has_ended() {
    LOADING.store(false, Ordering::Relaxed);
}

extern "C" fn take(_: *mut c_void, length: usize) -> *mut c_void {
    let known = if length == FRAMES {
        KEPT.swap(ptr::null_mut(), Ordering::AcqRel)
    } else {
        of_huge_page(length).unwrap_or(ptr::null_mut())
    };
    if known.is_null() {
        map(length).unwrap_or(ptr::null_mut())
    } else {
        known
    }
}

extern "C" fn give_back(_: *mut c_void, piece: *mut c_void, length: usize) {
    let piece = if length == FRAMES {
        KEPT.swap(piece, Ordering::AcqRel)
    } else {
        piece
    };
    if !piece.is_null() {
        // SAFETY: `take` returned it with that length, and it is not used any more.
        _ = unsafe { munmap(piece, length) };
    }
}

fn of_huge_page(length: usize) -> Option<*mut c_void> {
    // The kernel clears a huge page as a whole, which costs more than it saves for a small application.
    if TAKEN.fetch_add(length, Ordering::Relaxed) < SMALL {
        return None;
    }
    // Python's lock is held, so this fails only in a process that was forked while another thread was here.
    let mut rest = REST.try_lock().ok()?;
    if rest.is_empty() && LOADING.load(Ordering::Relaxed) {
        *rest = huge_page()?;
    }
    if rest.len() < length {
        return None;
    }
    let piece = ptr::with_exposed_provenance_mut(rest.start);
    rest.start += length;
    Some(piece)
}

/// Maps an aligned part of the address space for a huge page.
fn huge_page() -> Option<Range<usize>> {
    let start = map(2 * HUGE)?;
    let before = start.addr().next_multiple_of(HUGE) - start.addr();
    let page = start.wrapping_byte_add(before);
    // SAFETY: parts of what was just mapped and is not used yet. The advice may fail.
    unsafe {
        for (part, length) in [
            (start, before),
            (page.wrapping_byte_add(HUGE), HUGE - before),
        ] {
            if length > 0 {
                _ = munmap(part, length);
            }
        }
        if USE_HUGE_PAGES.load(Ordering::Relaxed) {
            _ = madvise(page, HUGE, Advice::LinuxHugepage);
        }
    }
    let start = page.expose_provenance();
    Some(start..start + HUGE)
}

fn map(length: usize) -> Option<*mut c_void> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: new memory at a free address.
    unsafe { mmap_anonymous(ptr::null_mut(), length, protection, MapFlags::PRIVATE) }.ok()
}
