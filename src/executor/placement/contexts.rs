//! Which block of memory is which, in two processes that load the same application: a key made of the sizes that
//! were asked for just before it, and of how often that was so. A difference between the two processes changes the
//! keys of the blocks around it, and no others.

use super::free_blocks::{LARGEST, steps};

/// How many counters there are. Two contexts that share one are counted together, in both processes.
const COUNTERS: usize = 1 << 18;

/// The keys of the blocks that a process takes, in order.
pub(super) struct Contexts {
    /// The last eight sizes, in steps: a few bytes more or less are usually the digits of an address.
    recent: u64,
    /// The last size that was large: that of a file which is loaded, often, and like no other.
    large: u64,
    counters: Vec<u32>,
    /// How many there were.
    pub(super) taken: u64,
}

impl Contexts {
    pub(super) fn new() -> Self {
        Self {
            recent: 0,
            large: 0,
            counters: vec![0; COUNTERS],
            taken: 0,
        }
    }

    /// The key of the next block, which is never 0.
    pub(super) fn next(&mut self, size: usize) -> u64 {
        self.taken += 1;
        // What was added eight calls ago has left at the upper end.
        self.recent = (self.recent << 8).wrapping_add(mixed(steps(size) as u64));
        if size > LARGEST {
            self.large = size as u64;
        }
        let context = mixed(self.recent ^ self.large << 32);
        let place = usize::try_from(context >> (64 - COUNTERS.ilog2())).unwrap_or(0);
        self.counters[place] = self.counters[place].wrapping_add(1);
        mixed(context ^ u64::from(self.counters[place])) | 1
    }
}

/// Spreads the bits of a number (the last steps of MurmurHash3).
fn mixed(number: u64) -> u64 {
    let mut number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    number = (number ^ (number >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    number = (number ^ (number >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    number ^ (number >> 33)
}
