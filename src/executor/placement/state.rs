//! Which memory is in use, and who may use it: only the first thread takes blocks and gives them back, as another one
//! may not hold the lock of the same interpreter.

use super::contexts::Contexts;
use super::free_blocks::{LARGEST, STEP};
use super::learning::Learning;
use super::placed::Placed;
use image::branch::thread_pointer;

/// Python's own allocator takes larger blocks from the C library.
const SMALL: usize = 512;

/// The memory of a process, by what it is for.
pub(super) enum Memory {
    Learning(Learning),
    Placed(Placed),
}

pub(super) struct State {
    /// The first thread.
    thread: u64,
    /// While the application is loaded.
    contexts: Option<Contexts>,
    /// How many blocks were taken while it was loaded.
    pub(super) taken: u64,
    /// Whether what is taken belongs to a request.
    pub(super) in_request: bool,
    pub(super) memory: Memory,
}

impl State {
    /// For this thread, before there are others.
    pub(super) fn new(memory: Memory) -> Self {
        Self {
            thread: thread_pointer(),
            contexts: Some(Contexts::new()),
            taken: 0,
            in_request: false,
            memory,
        }
    }

    /// The application is loaded.
    pub(super) fn loading_has_ended(&mut self) {
        self.taken = self.contexts.take().map_or(0, |contexts| contexts.taken);
        if let Memory::Placed(placed) = &mut self.memory {
            placed.forget_keys();
        }
    }

    /// A block of at least this size, if it is to lie here.
    #[inline]
    pub(super) fn take(&mut self, size: usize) -> Option<usize> {
        if !self.is_in_first_thread() {
            return None;
        }
        match (&mut self.contexts, &mut self.memory) {
            (None, Memory::Placed(placed)) if self.in_request && size <= SMALL => placed.take(size),
            (None, _) => None,
            (Some(contexts), memory) => {
                let key = contexts.next(size);
                match memory {
                    _ if size > LARGEST => None,
                    Memory::Learning(learning) => learning.take(size, key),
                    Memory::Placed(placed) => placed.take_known(size, key),
                }
            }
        }
    }

    /// The same for what has grown. That has no key: how often something grows may differ.
    pub(super) fn take_grown(&mut self, size: usize) -> Option<usize> {
        if !self.is_in_first_thread() {
            return None;
        }
        match &mut self.memory {
            Memory::Learning(learning) if self.contexts.is_some() && size <= LARGEST => {
                learning.take(size, 0)
            }
            Memory::Placed(placed) if self.in_request && size <= SMALL => placed.take(size),
            _ => None,
        }
    }

    #[inline]
    fn is_in_first_thread(&self) -> bool {
        thread_pointer() == self.thread
    }

    /// The length of a block, if it is from here.
    #[inline]
    pub(super) fn length(&self, block: usize) -> Option<usize> {
        let steps = match &self.memory {
            Memory::Learning(learning) => learning.has(block).then(|| learning.steps(block)),
            Memory::Placed(placed) => placed.has(block).then(|| placed.steps(block)),
        };
        steps.map(|steps| steps * STEP)
    }

    /// # Safety
    /// A block from here, which nobody uses any more.
    pub(super) unsafe fn give_back(&mut self, block: usize) {
        // What another thread gives back is lost, which is not much: it took none.
        if self.is_in_first_thread() {
            // SAFETY: the caller's promise.
            unsafe {
                match &mut self.memory {
                    Memory::Learning(learning) => learning.give_back(block),
                    Memory::Placed(placed) => placed.give_back(block),
                }
            }
        }
    }
}
