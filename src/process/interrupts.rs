//! Ctrl-C and SIGTERM for a process that waits on descriptors: each makes one readable, so that
//! none comes unseen between a look and a wait.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::pipe::{PipeFlags, pipe_with};

/// Where the handler writes.
static TOLD: AtomicI32 = AtomicI32::new(-1);

/// The interrupts of this process.
#[derive(Debug)]
pub struct Interrupts {
    reader: OwnedFd,
    /// Kept open for the handler.
    _writer: OwnedFd,
    count: usize,
}

impl Interrupts {
    /// From now on they do not end the process. Once in a process.
    pub fn watch() -> io::Result<Self> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        TOLD.store(writer.as_raw_fd(), Ordering::Release);
        for signal in [libc::SIGINT, libc::SIGTERM] {
            super::signals::set_handler(signal, on_interrupt);
        }
        Ok(Self {
            reader,
            _writer: writer,
            count: 0,
        })
    }

    /// Takes note of those that came.
    pub fn take(&mut self) {
        let mut block = [0; 16];
        while let Ok(count @ 1..) = rustix::io::read(&self.reader, &mut block) {
            self.count += count;
        }
    }

    /// How many came.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

impl AsFd for Interrupts {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

extern "C" fn on_interrupt(_: c_int) {
    let raw = TOLD.load(Ordering::Acquire);
    if raw >= 0 {
        // SAFETY: the descriptor is kept open from before the handler was installed.
        let told = unsafe { BorrowedFd::borrow_raw(raw) };
        _ = rustix::io::write(told, b"!");
    }
}
