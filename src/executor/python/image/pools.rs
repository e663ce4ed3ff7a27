//! Prepares Python's allocator for restored processes, which copy each page that they write to: fills
//! the free slots in its pools, which lie all over memory, so that the objects of a request are placed
//! side by side.

use std::ffi::c_void;

use pyo3::ffi;
use pyo3::prelude::*;

/// Bytes of a pool and of its header (`Include/internal/pycore_obmalloc.h`).
const POOL: usize = 16 << 10;
const POOL_OF_3_9: usize = 4 << 10;
const BEGIN: usize = 48;
/// Object sizes are multiples of this, up to the largest.
const STEP: usize = 16;
const LARGEST: usize = 512;
/// Stops here with another allocator (`PYTHONMALLOC`), which has no pools that fill up.
const ENOUGH: usize = 8 << 20;

/// Fills the free slots, for good. The interpreter's lock is held.
pub(super) fn fill() {
    let is_old = Python::attach(|py| py.version_info() < (3, 10));
    let length = if is_old { POOL_OF_3_9 } else { POOL };
    let mut taken = 0;
    for size in (STEP..=LARGEST).step_by(STEP) {
        let mut pool = Run::default();
        while taken < ENOUGH && !pool.is_whole(size, length) {
            // SAFETY: the interpreter runs and its lock is held.
            let piece = unsafe { ffi::PyObject_Malloc(size) };
            if piece.is_null() {
                return;
            }
            pool.add(piece, size, length);
            taken += size;
        }
        // A new pool was filled whole: the older ones are full, and this one is freed again.
        if pool.is_whole(size, length) {
            for piece in pool.pieces {
                // SAFETY: it was allocated above, and nothing points to it.
                unsafe { ffi::PyObject_Free(piece) };
            }
        }
    }
}

/// Pieces that follow each other from the beginning of a pool.
#[derive(Default)]
struct Run {
    pieces: Vec<*mut c_void>,
}

impl Run {
    fn add(&mut self, piece: *mut c_void, size: usize, length: usize) {
        let place = piece.addr() % length;
        let follows = self
            .pieces
            .last()
            .is_some_and(|last| last.addr() + size == piece.addr() && place != BEGIN);
        if !follows {
            self.pieces.clear();
        }
        if follows || place == BEGIN {
            self.pieces.push(piece);
        }
    }

    fn is_whole(&self, size: usize, length: usize) -> bool {
        self.pieces.len() == (length - BEGIN) / size
    }
}
