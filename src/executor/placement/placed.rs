//! Memory for the blocks that requests write to, side by side: those that an earlier process has learned about, and
//! all small ones that are taken once the application is loaded.

use std::ptr::null_mut;

use image::learned::Learned;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use super::free_blocks::{FreeBlocks, PAGE, STEP, steps};

/// The room for what a request takes; where it needs more, that comes from Python's own memory.
const FOR_A_REQUEST: usize = 2 << 20;

pub(super) struct Placed {
    start: usize,
    used: usize,
    length: usize,
    /// For each step the length of the block that begins there, in steps.
    lengths: *mut u8,
    free: FreeBlocks,
    /// A table of the keys, by their lowest bits; empty once the application is loaded.
    keys: Vec<u64>,
    /// How many blocks were taken where this was learned.
    taken_then: u64,
    /// How many keys there are, and how many blocks had one of them.
    known: usize,
    found: usize,
}

impl Placed {
    /// Room for what was learned; the keys are as `Learning::written` has them.
    pub(super) fn new(learned: &Learned) -> Option<Self> {
        let keys = &learned.keys;
        let lengths = keys.iter().map(|key| usize::from(key.to_le_bytes()[0]));
        // While the application is loaded, more of them may be in use than remain.
        let length = lengths.sum::<usize>() * STEP * 2 + FOR_A_REQUEST;
        let length = length.next_multiple_of(PAGE);
        let both = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: new memory at free addresses; zeros are numbers.
        let (start, lengths) = unsafe {
            let start = mmap_anonymous(null_mut(), length, both, MapFlags::PRIVATE).ok()?;
            let lengths =
                mmap_anonymous(null_mut(), length / STEP, both, MapFlags::PRIVATE).ok()?;
            (start, lengths.cast())
        };
        let mut placed = Self {
            start: start.expose_provenance(),
            used: 0,
            length,
            lengths,
            free: FreeBlocks::none(),
            keys: vec![0; (keys.len() * 2 + 2).next_power_of_two()],
            taken_then: learned.taken,
            known: keys.len(),
            found: 0,
        };
        for key in keys {
            let place = placed.place(key >> 8);
            placed.keys[place] = key >> 8;
        }
        Some(placed)
    }

    /// Where a key is in the table, or would be.
    fn place(&self, key: u64) -> usize {
        let last = self.keys.len() - 1;
        let mut place = usize::try_from(key).unwrap_or(0) & last;
        while self.keys[place] != 0 && self.keys[place] != key {
            place = (place + 1) & last;
        }
        place
    }

    /// Takes a block if that key is known.
    pub(super) fn take_known(&mut self, size: usize, key: u64) -> Option<usize> {
        let key = key << 8 >> 8;
        if self.keys[self.place(key)] != key {
            return None;
        }
        self.found += 1;
        self.take(size)
    }

    #[inline]
    pub(super) fn take(&mut self, size: usize) -> Option<usize> {
        let steps = steps(size);
        self.free.take(steps).or_else(|| self.new_block(steps))
    }

    fn new_block(&mut self, steps: usize) -> Option<usize> {
        let block = self.start + self.used;
        if self.used + steps * STEP > self.length {
            return None;
        }
        // SAFETY: within the memory, for each step of which there is a length.
        unsafe { *self.lengths.add(self.used / STEP) = u8::try_from(steps).ok()? };
        self.used += steps * STEP;
        Some(block)
    }

    #[inline]
    pub(super) fn has(&self, block: usize) -> bool {
        block.wrapping_sub(self.start) < self.length
    }

    #[inline]
    pub(super) fn steps(&self, block: usize) -> usize {
        // SAFETY: as above.
        usize::from(unsafe { *self.lengths.add((block - self.start) / STEP) })
    }

    /// # Safety
    /// A block of this memory, which nobody uses any more.
    #[inline]
    pub(super) unsafe fn give_back(&mut self, block: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.free.add(self.steps(block), block) };
    }

    /// The application is loaded.
    pub(super) fn forget_keys(&mut self) {
        self.keys = Vec::new();
    }

    /// Whether what was learned is of this application as it is now, which took so many blocks: both numbers are the
    /// same but for some in a thousand, unless it has changed.
    pub(super) fn fits(&self, taken: u64) -> bool {
        let is_found = self.known > 0 && self.found * 20 >= self.known * 19;
        is_found && taken.abs_diff(self.taken_then) <= self.taken_then / 20
    }
}
