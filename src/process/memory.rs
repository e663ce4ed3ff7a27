//! The C library's allocator: how it takes memory from the system and gives it back.

/// With `still`, makes the C library allocate from a heap with room at its end, so that the
/// mappings of the process do not change; else sets its defaults. Returns whether it accepted that.
#[must_use]
pub fn keep_mappings(still: bool) -> bool {
    const ROOM: i32 = 16 << 20;
    const USUAL: i32 = 128 << 10;
    // glibc before 2.36 accepts no more.
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

/// Allocates every free piece within the C library's heap, for good. What is allocated from now on
/// lies together at its end, instead of in gaps of pages that nothing else changes. For a process
/// that is written to an image, of which each page that changes has to be copied.
pub fn fill_free_list() {
    const LARGEST: usize = 1 << 20;
    const SMALLEST: usize = 16;
    // At most so much is filled.
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

/// Gives freed memory that the C library keeps back to the system.
pub fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number, and locks what it needs.
    unsafe {
        libc::malloc_trim(0);
    }
}
