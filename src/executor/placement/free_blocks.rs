//! Sizes of blocks, and lists of the free ones: each free block has the address of the next.

use std::ptr::{with_exposed_provenance, with_exposed_provenance_mut};

/// Sizes are multiples of this, and so are the addresses of blocks: Python promises its users no less.
pub(super) const STEP: usize = 16;

/// The length of a page.
pub(super) const PAGE: usize = 4096;

/// Larger blocks gain nothing from neighbours.
pub(super) const LARGEST: usize = 2048;

/// How many steps a block of a size has.
pub(super) fn steps(size: usize) -> usize {
    size.max(1).div_ceil(STEP)
}

/// The free blocks of each size.
pub(super) struct FreeBlocks([usize; LARGEST / STEP + 1]);

impl FreeBlocks {
    pub(super) fn none() -> Self {
        Self([0; LARGEST / STEP + 1])
    }

    /// Takes one with so many steps.
    #[inline]
    pub(super) fn take(&mut self, steps: usize) -> Option<usize> {
        let first = self.0[steps];
        if first == 0 {
            return None;
        }
        // SAFETY: a free block, which nobody writes to but `add`.
        self.0[steps] = unsafe { *with_exposed_provenance(first) };
        Some(first)
    }

    /// Adds one with so many steps.
    ///
    /// # Safety
    /// It is a block of the memory that these lists are for, which nobody uses any more.
    #[inline]
    pub(super) unsafe fn add(&mut self, steps: usize, block: usize) {
        // SAFETY: the caller's promise.
        unsafe { *with_exposed_provenance_mut(block) = self.0[steps] };
        self.0[steps] = block;
    }
}
