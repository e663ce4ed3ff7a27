//! Work without Python's lock. Up to Python 3.13 a thread that asks for the lock again while Python is finalized is ended
//! by `pthread_exit`, which unwinds with an unwinder of its own (libgcc's), and that knows nothing of the executor's
//! frames. A thread that comes back from such work waits for the end of the process instead, which is near. (One that
//! runs Python's code that the executor has called is still ended by Python.)

use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::prelude::*;
use rustix::process::{Pid, getpid};
use rustix::thread::gettid;

/// The process that finalizes Python, in its first thread; 0 before. A process that it forks is another.
static ENDING: AtomicI32 = AtomicI32::new(0);
/// How many threads are about to have the lock again.
static RETURNING: AtomicUsize = AtomicUsize::new(0);

/// Does it without the lock.
pub(super) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let done = py.detach(|| {
        let done = work();
        RETURNING.fetch_add(1, Ordering::SeqCst);
        let ending = ENDING.load(Ordering::SeqCst);
        if ending != 0 && ending == number(getpid()) && ending != number(gettid()) {
            RETURNING.fetch_sub(1, Ordering::SeqCst);
            loop {
                std::thread::park();
            }
        }
        done
    });
    RETURNING.fetch_sub(1, Ordering::SeqCst);
    done
}

/// From now on only this process's first thread, which this is, has the lock again after such work: it is about to
/// finalize Python, and waits for no other thread any more.
pub(super) fn end(py: Python<'_>) {
    ENDING.store(number(getpid()), Ordering::SeqCst);
    // In a forked process a thread that was counted may not exist.
    for _ in 0..100 {
        if RETURNING.load(Ordering::SeqCst) == 0 {
            break;
        }
        py.detach(|| std::thread::sleep(Duration::from_millis(1)));
    }
}

fn number(process: Pid) -> i32 {
    process.as_raw_nonzero().get()
}
