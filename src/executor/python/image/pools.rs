//! Python's own allocator, readied for being copied page by page: gaps in pools, which lie all over
//! the memory of what was loaded, are taken, so that a request's objects lie side by side.

use std::ffi::c_void;

use pyo3::ffi;
use pyo3::prelude::*;

/// Bytes of a pool and of what it begins with (`Include/internal/pycore_obmalloc.h`).
const POOL: usize = 16 << 10;
const POOL_OF_3_9: usize = 4 << 10;
const BEGIN: usize = 48;
/// Objects have a multiple of this, up to the largest.
const STEP: usize = 16;
const LARGEST: usize = 512;
/// Another allocator, which `PYTHONMALLOC` may have chosen, has no pools that would ever be full.
const ENOUGH: usize = 8 << 20;

/// Takes the gaps, for good. The interpreter's lock is held.
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
        // A pool of its own: nothing was left in those of before.
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
