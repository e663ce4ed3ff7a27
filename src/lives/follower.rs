//! The process that has an image made once the request is over: it lets go of everything that the
//! server gave, waits for the end of the one that answers, and becomes the observer of the one that loads
//! (`observer`). It is no child of the one that answers: an application may wait for all of its children.

use std::ffi::{CString, OsStr, OsString, c_int};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open};

use crate::restoring::attempt::Wanted;
use crate::restoring::started::{Started, exec, pointers};
use image::{freshness, pace};
use process::{filter, program};
use settings::cli::{Make, Order};
use settings::options::{CACHE_DIR, Values};

const INTERFACE: &[u8] = b"GATEWAY_INTERFACE";

/// Has an image made by a process of its own, once this one has come to its end.
pub(crate) fn start(wanted: &Wanted, started: &Started) {
    let program = CString::new(program::path().into_os_string().into_vec()).unwrap_or_default();
    let mut make = Make {
        script: wanted.script.clone(),
        options: Values::default().into(),
        order: Order {
            started_with: wanted.options.clone(),
            here: true,
            // With this variable it would be a request itself.
            gateway_interface: started
                .meta
                .value(INTERFACE)
                .map(|interface| OsStr::from_bytes(interface).to_owned()),
            unless_since: Some(pace::now() + 1),
        },
    };
    if wanted.folder.is_absolute() {
        make.options = make.options.with(&CACHE_DIR, &wanted.folder);
    }
    let words = [OsString::from("wsgi-cgi")].into_iter().chain(make.words());
    let words: Vec<CString> = words
        .flat_map(|word| CString::new(word.into_vec()))
        .collect();
    let around: Vec<CString> = started
        .meta
        .iter()
        .filter(|(name, _)| freshness::does_not_belong_to_a_request(name) && *name != INTERFACE)
        .flat_map(|(name, value)| CString::new([name, b"=", value].concat()))
        .collect();
    let this = getpid();
    let handle = if filter::is_on() {
        None
    } else {
        pidfd_open(this, PidfdFlags::empty()).ok()
    };
    // SAFETY: this process has one thread, and each of the others goes on alone.
    unsafe {
        match libc::fork() {
            0 => {}
            -1 => return,
            child => {
                libc::waitpid(child, std::ptr::null_mut(), 0);
                return;
            }
        }
        // The server waits for the end of its pipes, and may end its own group of processes.
        let own = handle.as_ref().map(AsRawFd::as_raw_fd);
        if libc::setsid() == -1 || libc::fork() != 0 || let_go(own).is_err() {
            libc::_exit(0);
        }
    }
    if let Some(handle) = handle {
        _ = rustix::event::poll(&mut [PollFd::new(&handle, PollFlags::IN)], None);
    } else {
        wait_for_the_end(this);
    }
    exec(&program, &words, &pointers(&around));
    // SAFETY: ends the process.
    unsafe { libc::_exit(1) }
}

/// Polls for the end of a process, on kernels without pidfds. The pauses grow: the end of a long request is
/// noticed up to a second late.
fn wait_for_the_end(process: Pid) {
    let mut pause = Duration::from_millis(10);
    let mut waited = Duration::ZERO;
    while waited < LONGEST_REQUEST && rustix::process::test_kill_process(process).is_ok() {
        std::thread::sleep(pause);
        waited += pause;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// After that another process may have got the PID.
const LONGEST_REQUEST: Duration = Duration::from_secs(3600);

/// Closes all descriptors that the server gave, but not `own`.
fn let_go(own: Option<c_int>) -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(null.as_fd())?;
    rustix::stdio::dup2_stdout(null.as_fd())?;
    rustix::stdio::dup2_stderr(null.as_fd())?;
    // Closed here with all the others, which nothing in this process uses any more.
    std::mem::forget(null);
    match own {
        Some(own) => {
            let own = u32::try_from(own).map_err(io::Error::other)?;
            filter::close(3, own.saturating_sub(1));
            filter::close(own + 1, u32::MAX);
        }
        None => filter::close(3, u32::MAX),
    }
    Ok(())
}
