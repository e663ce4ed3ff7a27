//! What a restored process does that cannot start to answer: it starts the program again (exec), without an
//! image, with the arguments and environment that the server gave.

use std::ffi::{CString, c_char, c_int};
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags};

use process::signals::FAULTS;
use process::{claim, last_resort};

use super::started::{Again, Started, pointers};

/// Prepares it. From now on a fatal signal leads there, until the restored process installs its own handlers.
/// The names are those of the image, of a bad image, and of the counter of crashes.
pub(super) fn prepare(started: &Started, names: &[CString; 3]) -> extern "C" fn() -> ! {
    let again = started.without_image();
    _ = WAY_OUT.set(WayOut {
        pointers: pointers(&again.words),
        again,
        names: names.clone(),
    });
    // SAFETY: the memory is for this alone, and stays mapped.
    unsafe {
        let stack = libc::stack_t {
            ss_sp: (&raw mut SIGNAL_STACK).cast(),
            ss_flags: 0,
            ss_size: SIGNAL_STACK_SIZE,
        };
        libc::sigaltstack(&raw const stack, std::ptr::null_mut());
    }
    for signal in FAULTS {
        let handler = on_fatal as extern "C" fn(c_int);
        // SAFETY: a structure of zeros is an action; the handler makes system calls only, and
        // its code stays mapped.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_NODEFER | libc::SA_RESETHAND | libc::SA_ONSTACK;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
    leave
}

struct WayOut {
    again: Again,
    /// To its words.
    pointers: Vec<*const c_char>,
    names: [CString; 3],
}

// SAFETY: the pointers are to the words beside them and to the environment that the kernel gave,
// both of which stay as they are.
unsafe impl Send for WayOut {}
// SAFETY: as above.
unsafe impl Sync for WayOut {}

/// A damaged process may have no other usable stack.
const SIGNAL_STACK_SIZE: usize = 64 << 10;
static mut SIGNAL_STACK: [u8; SIGNAL_STACK_SIZE] = [0; SIGNAL_STACK_SIZE];

static WAY_OUT: OnceLock<WayOut> = OnceLock::new();

extern "C" fn on_fatal(_: c_int) {
    if let Some(WayOut { names, .. }) = WAY_OUT.get() {
        let [image, bad, crashes] = names;
        // Where several processes crash at once, only the first is counted.
        if rustix::fs::rename(image.as_c_str(), bad.as_c_str()).is_err() {
            leave()
        }
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW;
        let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK;
        if let Ok(file) = rustix::fs::open(crashes.as_c_str(), flags, Mode::RUSR | Mode::WUSR) {
            _ = rustix::io::write(&file, b".");
        }
    }
    leave()
}

/// Writes a complete error response where no program can. Safe in a signal handler.
pub(crate) fn give_up() {
    const ANSWER: &[u8] = b"Status: 500 Internal Server Error\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Length: 69\r\n\r\n\
        This request could not be answered. The server's error log says why.\n";
    _ = rustix::io::write(last_resort::response(), ANSWER);
}

/// Called where the thread's block is that of the image's C library: makes system calls only.
extern "C" fn leave() -> ! {
    if let Some(WayOut {
        again, pointers, ..
    }) = WAY_OUT.get()
    {
        // The process started in its place has another one beside it.
        claim::take();
        let (words, environment) = (pointers.as_ptr(), again.environment.as_ptr());
        // SAFETY: the lists end with null pointers and are never freed.
        unsafe { libc::execve(again.program.as_ptr(), words, environment) };
    }
    give_up();
    // SAFETY: ends the process.
    unsafe { libc::_exit(1) }
}
