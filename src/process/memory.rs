//! Memory that is not needed any more. Shared hosting limits and counts a process's resident
//! pages, the program's own text among them, most of which is run once: to start.

use crate::snapshot::filter;

/// Gives back the pages of the program's text. Those that are needed again come back from the
/// page cache, some tens of microseconds in all.
pub fn give_back_text() {
    // SAFETY: both symbols are the linker's; only their addresses are used.
    unsafe extern "C" {
        static __executable_start: u8;
        static etext: u8;
    }
    // A multiple of what pages have anywhere.
    let page = 64 << 10;
    let start = (&raw const __executable_start)
        .addr()
        .next_multiple_of(page);
    let length = (&raw const etext).addr().saturating_sub(start) / page * page;
    let address = std::ptr::with_exposed_provenance_mut(start);
    // SAFETY: the range is a file mapping that is never written to: what is dropped is read again
    // from the file. A failure leaves it as it was.
    unsafe { libc::madvise(address, length, libc::MADV_DONTNEED) };
}

/// Fetches the pages of the program's own variables, most of which an interpreter writes to when it
/// starts: one call costs half of what as many faults do. An old kernel knows nothing of it.
pub fn fetch_data() {
    const POPULATE_WRITE: i32 = 23;
    // SAFETY: both symbols are the linker's; only their addresses are used.
    unsafe extern "C" {
        static __data_start: u8;
        static end: u8;
    }
    if filter::is_on() {
        return;
    }
    let start = (&raw const __data_start).addr() & !0xfff;
    let length = (&raw const end).addr().saturating_sub(start);
    let address = std::ptr::with_exposed_provenance_mut(start);
    // SAFETY: the pages are this program's own, and keep their content.
    unsafe { libc::madvise(address, length, POPULATE_WRITE) };
}

/// Has the C library take what it needs from a heap with room at its end, so that the address space
/// stays as it is; or as it always does. Says whether it does so.
#[must_use]
pub fn hold_still(still: bool) -> bool {
    const ROOM: i32 = 16 << 20;
    const USUAL: i32 = 128 << 10;
    // Up to glibc 2.35 it takes no more.
    const MOST: i32 = 32 << 20;
    let (room, large, less) = if still {
        (ROOM, i32::MAX, MOST)
    } else {
        (USUAL, USUAL, USUAL)
    };
    // SAFETY: settings of the allocator, which any thread may change at any time.
    unsafe {
        libc::mallopt(libc::M_TOP_PAD, room) == 1
            && [large, less]
                .iter()
                .any(|&most| libc::mallopt(libc::M_MMAP_THRESHOLD, most) == 1)
            && libc::mallopt(libc::M_TRIM_THRESHOLD, large) == 1
    }
}

/// Takes every free piece within the C library's heap, for good. What is allocated from now on lies
/// side by side at its end, where it would else fill gaps in pages that nothing else changes. For a
/// process of which a copy is made, and copied page by page as it changes.
pub fn fill_gaps() {
    const LARGEST: usize = 1 << 20;
    const SMALLEST: usize = 16;
    // What has more gaps than this keeps the rest.
    const MOST: usize = 256 << 20;
    let mut left = MOST;
    // SAFETY: plain allocations, whose content nobody looks at. Each is freed once or never.
    unsafe {
        // No gap is as large as this, which lies where the last one ends.
        let beyond = libc::malloc(4 * LARGEST);
        libc::free(beyond);
        if beyond.is_null() {
            return;
        }
        let mut size = LARGEST;
        while size >= SMALLEST {
            loop {
                if left < size {
                    return;
                }
                let piece = libc::malloc(size);
                if piece.is_null() || piece >= beyond {
                    libc::free(piece);
                    break;
                }
                left -= size;
            }
            size -= (size / 16).next_multiple_of(16).min(size / 2).max(16);
        }
    }
}

/// Gives back what has been freed, as far as the C library keeps it for what may come.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number, and locks what it needs.
    unsafe {
        libc::malloc_trim(0);
    }
}
