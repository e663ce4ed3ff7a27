//! A thread for one question, where there may be no C library yet that knows of threads: it shares
//! everything with the first, gets no memory from the allocator, and has ended before that one goes on.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::arch;

/// Room for calls of the kernel with their buffers.
const STACK: usize = 64 << 10;

/// What both threads see.
struct Shared<T> {
    about: *const T,
    question: fn(&T) -> bool,
    /// Not 0 while the thread runs; the kernel sets it (`CLONE_CHILD_CLEARTID`, clone(2)).
    runs: AtomicU32,
    answer: AtomicBool,
}

/// A thread that runs.
pub(crate) struct Thread<'a, T> {
    shared: Box<Shared<T>>,
    _stack: Vec<u128>,
    _about: PhantomData<&'a T>,
}

impl<'a, T: Sync> Thread<'a, T> {
    /// Asks a question in a second thread; none where there may be no more of them. What is asked must
    /// not allocate, and must not panic.
    pub(crate) fn begin(about: &'a T, question: fn(&T) -> bool) -> Option<Self> {
        let mut stack = vec![0_u128; STACK / size_of::<u128>()];
        let shared = Box::new(Shared {
            about,
            question,
            runs: AtomicU32::new(1),
            answer: AtomicBool::new(false),
        });
        let data = (&raw const *shared).cast_mut().cast();
        // SAFETY: the stack and what is shared live until the thread has ended, see `Drop`.
        let began = unsafe {
            let _quiet = Quiet::new();
            arch::thread(
                stack.as_mut_ptr_range().end.cast(),
                shared.runs.as_ptr(),
                work::<T>,
                data,
            )
        };
        began.then_some(Self {
            shared,
            _stack: stack,
            _about: PhantomData,
        })
    }

    /// Waits for the answer.
    pub(crate) fn answer(&self) -> bool {
        self.wait();
        self.shared.answer.load(Ordering::Acquire)
    }
}

impl<T> Thread<'_, T> {
    fn wait(&self) {
        loop {
            let runs = self.shared.runs.load(Ordering::Acquire);
            if runs == 0 {
                return;
            }
            let at = self.shared.runs.as_ptr();
            // SAFETY: the word is there; the call only waits, and not where it has changed.
            unsafe { libc::syscall(libc::SYS_futex, at, libc::FUTEX_WAIT, runs, 0_usize) };
        }
    }
}

impl<T> Drop for Thread<'_, T> {
    fn drop(&mut self) {
        self.wait();
    }
}

extern "C" fn work<T>(data: *mut c_void) {
    // SAFETY: `begin` made it, and nobody takes it away while this thread runs.
    let shared = unsafe { &*data.cast::<Shared<T>>() };
    // SAFETY: borrowed for longer than this thread runs.
    let about = unsafe { &*shared.about };
    shared
        .answer
        .store((shared.question)(about), Ordering::Release);
}

/// No signal for the thread that begins meanwhile: it has no handler's stack.
struct Quiet(u64);

impl Quiet {
    fn new() -> Self {
        Self(set_mask(u64::MAX))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        set_mask(self.0);
    }
}

/// Sets the kernel's mask of 64 signals; gives the one before.
fn set_mask(mask: u64) -> u64 {
    let mut before = 0_u64;
    let call = libc::SYS_rt_sigprocmask;
    // SAFETY: both masks are of the size that is said.
    unsafe {
        libc::syscall(
            call,
            libc::SIG_SETMASK,
            &raw const mask,
            &raw mut before,
            size_of::<u64>(),
        )
    };
    before
}
