//! Ctrl-C, SIGTERM, SIGHUP and the end of a child, for a process that polls descriptors: each
//! signal makes a descriptor readable, so that none is missed between a check and a wait.

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
    last_was_ctrl_c: bool,
    reloads: bool,
    child_ended: bool,
}

impl Interrupts {
    /// From now on they do not end the process. Call it once in a process.
    pub fn watch() -> io::Result<Self> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        TOLD.store(writer.as_raw_fd(), Ordering::Release);
        super::signals::set_handler(libc::SIGINT, on_ctrl_c);
        super::signals::set_handler(libc::SIGTERM, on_terminated);
        super::signals::set_handler(libc::SIGHUP, on_reload);
        super::signals::set_handler(libc::SIGCHLD, on_child);
        Ok(Self {
            reader,
            _writer: writer,
            count: 0,
            last_was_ctrl_c: false,
            reloads: false,
            child_ended: false,
        })
    }

    /// Takes note of those that came.
    pub fn take(&mut self) {
        let mut block = [0; 64];
        while let Ok(count @ 1..) = rustix::io::read(&self.reader, &mut block) {
            for word in &block[..count] {
                match *word {
                    CTRL_C | TERMINATED => {
                        self.count += 1;
                        self.last_was_ctrl_c = *word == CTRL_C;
                    }
                    RELOAD => self.reloads = true,
                    _ => self.child_ended = true,
                }
            }
        }
    }

    /// Whether SIGHUP came since the last look.
    pub fn take_reload(&mut self) -> bool {
        std::mem::take(&mut self.reloads)
    }

    /// Whether a child has ended since the last look.
    pub fn take_child(&mut self) -> bool {
        std::mem::take(&mut self.child_ended)
    }

    /// How often this process was asked to end.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether the last of these signals was Ctrl-C (SIGINT), and not SIGTERM.
    #[must_use]
    pub fn last_was_ctrl_c(&self) -> bool {
        self.last_was_ctrl_c
    }
}

impl AsFd for Interrupts {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

const CTRL_C: u8 = b'!';
const TERMINATED: u8 = b't';
const RELOAD: u8 = b'r';
const CHILD: u8 = b'c';

extern "C" fn on_ctrl_c(_: c_int) {
    tell(CTRL_C);
}

extern "C" fn on_terminated(_: c_int) {
    tell(TERMINATED);
}

extern "C" fn on_reload(_: c_int) {
    tell(RELOAD);
}

extern "C" fn on_child(_: c_int) {
    tell(CHILD);
}

/// Writes a byte to the pipe; one that is full wakes its reader anyway.
fn tell(word: u8) {
    let raw = TOLD.load(Ordering::Acquire);
    if raw >= 0 {
        // SAFETY: the descriptor is kept open from before the handler was installed.
        let told = unsafe { BorrowedFd::borrow_raw(raw) };
        _ = rustix::io::write(told, &[word]);
    }
}
