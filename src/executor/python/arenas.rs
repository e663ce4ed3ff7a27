//! Where Python's small objects and the frames of its functions lie. While an application is loaded,
//! memory is taken by huge pages, where the system has them: one fault stands for 512, and the
//! processor finds its way in them faster. A call that needs the next piece for its frame, and gives
//! it back when it returns, comes hundreds of times while modules are imported: that piece is kept.

use std::ffi::c_void;
use std::ops::Range;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use super::beyond_abi3::{ArenaAllocator, set_arena_allocator};

/// The length of a huge page.
const HUGE: usize = 2 << 20;
/// The length of a piece for frames (`DATA_STACK_CHUNK_SIZE`).
const FRAMES: usize = 16 << 10;

/// What a small application takes.
const SMALL: usize = 1 << 20;

/// How much was taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static LOADING: AtomicBool = AtomicBool::new(true);
static WISHED: AtomicBool = AtomicBool::new(true);
/// What is left of the last huge page.
static REST: Mutex<Range<usize>> = Mutex::new(0..0);
/// A piece for frames that was given back.
static KEPT: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Makes no wish for huge pages, for a process that becomes an image: what is mapped from a file has none,
/// and the wish alone costs each restored process a call for each.
pub fn without_huge_pages() {
    WISHED.store(false, Ordering::Relaxed);
}

/// Keeps room for what requests create, near what is loaded: elsewhere each restored process would map
/// it, and Python a table of 128 KiB for it besides.
pub fn keep_room() {
    if let Ok(mut rest) = REST.try_lock()
        && rest.is_empty()
        && let Some(page) = huge_page()
    {
        *rest = page;
    }
}

/// Has Python take its memory here from now on. What it took before it may give back here too: that was
/// mapped in the same way.
pub(super) fn set_allocator() {
    set_arena_allocator(ArenaAllocator {
        context: ptr::null_mut(),
        take,
        give_back,
    });
}

/// From now on pages come as they are touched: who answers a request touches few.
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
        // SAFETY: `take` has given it with that length, and nobody uses it any more.
        _ = unsafe { munmap(piece, length) };
    }
}

fn of_huge_page(length: usize) -> Option<*mut c_void> {
    // A small application is loaded before it has taken so much that a huge page, which is cleared as a
    // whole, would save more than it costs.
    if TAKEN.fetch_add(length, Ordering::Relaxed) < SMALL {
        return None;
    }
    // Python's own lock is held, but in a process that was forked beside another thread's call.
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

/// A part of the address space that is to be a huge page.
fn huge_page() -> Option<Range<usize>> {
    let start = map(2 * HUGE)?;
    let before = start.addr().next_multiple_of(HUGE) - start.addr();
    let page = start.wrapping_byte_add(before);
    // SAFETY: parts of what was just mapped, and that nobody uses yet. The wish may fail.
    unsafe {
        for (part, length) in [
            (start, before),
            (page.wrapping_byte_add(HUGE), HUGE - before),
        ] {
            if length > 0 {
                _ = munmap(part, length);
            }
        }
        if WISHED.load(Ordering::Relaxed) {
            _ = madvise(page, HUGE, Advice::LinuxHugepage);
        }
    }
    let start = page.expose_provenance();
    Some(start..start + HUGE)
}

fn map(length: usize) -> Option<*mut c_void> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: new memory, at a place that is nobody's.
    unsafe { mmap_anonymous(ptr::null_mut(), length, protection, MapFlags::PRIVATE) }.ok()
}
