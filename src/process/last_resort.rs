//! The answer that a signal handler sends when the process can send no other: made beforehand,
//! claimed once, written with `write(2)` alone.
//!
//! The global state of an exchange is here and nowhere else: who may write the head, and to which
//! descriptor.

use std::ffi::{CStr, CString};
use std::io::IoSlice;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use rustix::process::{Resource, getrlimit};

use super::descriptors::Private;
use super::{claim, descriptor_copies, log_time, open_line, report, tally, unread_body};

/// Whether an answer has begun.
static CLAIMED: AtomicBool = AtomicBool::new(false);
/// Whether the whole response is out.
static OVER: AtomicBool = AtomicBool::new(false);
static STDOUT: AtomicI32 = AtomicI32::new(-1);
static STDIN: AtomicI32 = AtomicI32::new(-1);
static REPORT: AtomicI32 = AtomicI32::new(-1);
static ANSWERS: OnceLock<Answers> = OnceLock::new();
/// The image that this process was restored from, its name once it is marked as bad, and the file
/// that counts the crashes.
static IMAGE: OnceLock<[CString; 3]> = OnceLock::new();

/// Whole responses and the log entries that go with them.
#[derive(Debug)]
pub struct Answers {
    /// Sent when the process dies: a 500.
    pub error: Prepared,
    /// Sent on a timeout: a 504.
    pub timeout: Prepared,
    /// What each log entry about them begins with: program and id.
    pub log_prefix: Vec<u8>,
}

/// A whole response.
#[derive(Debug)]
pub struct Prepared {
    response: Vec<u8>,
    /// The report about its end, in the form that `HttpWriter` uses for the application's response.
    end: Vec<u8>,
    /// How many bytes of content it has.
    content: u64,
}

impl Prepared {
    /// The response of that head and content.
    #[must_use]
    pub fn new(head: &[u8], content: &[u8]) -> Self {
        Self {
            response: [head, content].concat(),
            end: format!("{} close\n", content.len()).into_bytes(),
            content: content.len() as u64,
        }
    }
}

/// Which of the prepared responses to send.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// The 500.
    Error,
    /// The 504.
    Timeout,
}

/// Remembers where the server's pipes are.
pub fn hold(private: &Private) {
    STDIN.store(private.stdin.as_raw_fd(), Ordering::Release);
    STDOUT.store(private.stdout.as_raw_fd(), Ordering::Release);
}

/// Where the response goes: the server's pipe, or standard output if that is still it.
#[must_use]
pub fn response() -> BorrowedFd<'static> {
    descriptor(&STDOUT).unwrap_or_else(rustix::stdio::stdout)
}

/// Whether it is one of the server's pipes, the report's, or a copy of one.
#[must_use]
pub fn is_ours(descriptor: BorrowedFd<'_>) -> bool {
    let is = |place: &AtomicI32| place.load(Ordering::Acquire) == descriptor.as_raw_fd();
    is(&STDIN) || is(&STDOUT) || is(&REPORT) || descriptor_copies::has(descriptor)
}

/// The process whose exchange this is.
static PROCESS: AtomicI32 = AtomicI32::new(0);

/// Whether this is that process. A forked one is not, from its first instruction on, even before it
/// has let go of the exchange: a pool may end it right then.
fn is_own_process() -> bool {
    rustix::process::getpid().as_raw_nonzero().get() == PROCESS.load(Ordering::Acquire)
}

/// Makes the prepared answers available to signal handlers.
pub fn arm(private: &Private, answers: Answers) {
    hold(private);
    let process = rustix::process::getpid().as_raw_nonzero().get();
    PROCESS.store(process, Ordering::Release);
    _ = ANSWERS.set(answers);
    // A forked process that has an exchange of its own answers after all.
    CLAIMED.store(false, Ordering::Release);
}

/// From now on a prepared answer is reported to `report`, as `HttpWriter` reports the
/// application's.
pub fn report_to(report: BorrowedFd<'_>) {
    REPORT.store(report.as_raw_fd(), Ordering::Release);
}

/// From now on this process, should it die before its head was sent, marks the image it was
/// restored from as bad.
pub fn set_restored_image(image: &CStr) {
    let stem = image.to_bytes().strip_suffix(b"image").unwrap_or_default();
    let beside = |ending: &[u8]| CString::new([stem, ending].concat());
    if let (Ok(bad), Ok(crashes)) = (beside(b"bad"), beside(b"crashes")) {
        _ = IMAGE.set([image.to_owned(), bad, crashes]);
    }
}

/// Starts this process anew without an image, which is possible until the answer begins.
static FALL_BACK: OnceLock<extern "C" fn() -> !> = OnceLock::new();

/// From now on this process calls `cold` where it dies before it could answer.
pub fn fall_back_to(cold: Option<extern "C" fn() -> !>) {
    if let Some(cold) = cold {
        _ = FALL_BACK.set(cold);
    }
}

/// Starts anew, where that is possible. Safe in a signal handler.
pub fn fall_back() {
    if let (Some(cold), None) = (FALL_BACK.get(), ANSWERS.get()) {
        if let (Some(stdin), Some(stdout)) = (descriptor(&STDIN), descriptor(&STDOUT)) {
            _ = rustix::stdio::dup2_stdin(stdin);
            _ = rustix::stdio::dup2_stdout(stdout);
        }
        cold();
    }
}

/// Marks the image as bad for a while, and counts the crash: repeated ones keep it away for longer.
/// Safe in a signal handler.
pub fn mark_image_bad() {
    if let Some([image, bad, crashes]) = IMAGE.get()
        && !CLAIMED.load(Ordering::Acquire)
        && !is_short_of_memory()
        && rustix::fs::rename(image.as_c_str(), bad.as_c_str()).is_ok()
    {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW;
        let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK;
        if let Ok(file) = rustix::fs::open(crashes.as_c_str(), flags, Mode::RUSR | Mode::WUSR) {
            _ = rustix::io::write(&file, b".");
        }
    }
}

/// Whether less than half of the memory that a limit allows is left: then the process may have died
/// for want of memory, and the image is not to blame. Safe in a signal handler.
fn is_short_of_memory() -> bool {
    let limits = [Resource::As, Resource::Data].map(|resource| getrlimit(resource).current);
    let Some(least) = limits.into_iter().flatten().min() else {
        return false;
    };
    let half = usize::try_from(least / 2).unwrap_or(usize::MAX);
    // SAFETY: memory at whatever address is free, which nobody uses and which is given back.
    unsafe {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        match mmap_anonymous(std::ptr::null_mut(), half, protection, flags) {
            Ok(place) => {
                _ = munmap(place, half);
                false
            }
            Err(_) => true,
        }
    }
}

/// Claims the right to answer; true for the first who asks.
pub fn claim() -> bool {
    let is_first = !CLAIMED.swap(true, Ordering::AcqRel);
    if is_first {
        claim::take();
    }
    is_first
}

/// The descriptor is about to be closed: nothing may be written to it any more.
pub fn disarm() {
    drop(descriptor_copies::take_response());
    STDOUT.store(-1, Ordering::Release);
    OVER.store(true, Ordering::Release);
}

/// The rest of the response is about to be written, and it says where it ends: a server that has read
/// it may send SIGTERM at once, as lighttpd does.
pub fn ends_now() {
    if descriptor(&STDOUT).is_some() {
        OVER.store(true, Ordering::Release);
    }
}

/// Where the descriptor of the response was closed or replaced: its copy takes its place, and
/// standard error leads to the log again.
pub fn replace_lost() -> Option<OwnedFd> {
    let stdout = descriptor(&STDOUT)?;
    mend_log();
    descriptor_copies::instead_of(stdout)?;
    let copy = descriptor_copies::take_response()?;
    STDOUT.store(copy.as_raw_fd(), Ordering::Release);
    Some(copy)
}

/// Makes standard error lead to the log again, where descriptors were closed or replaced.
pub fn mend_log() {
    if let Some(stdout) = descriptor(&STDOUT) {
        descriptor_copies::mend_log(stdout);
    }
}

/// Whether the response has ended, and what is left is to clean up.
pub fn is_over() -> bool {
    OVER.load(Ordering::Acquire)
}

/// Whether there is an exchange whose response has not ended, and this is its process.
pub fn is_answering() -> bool {
    ANSWERS.get().is_some() && descriptor(&STDOUT).is_some() && !is_over()
}

/// Whether this is a forked process, which has let go of the exchange it was forked in.
pub fn is_another() -> bool {
    let has_let_go = descriptor(&STDOUT).is_none() || !is_own_process();
    ANSWERS.get().is_some() && has_let_go && !is_over()
}

/// Sends a prepared answer if no other was begun, and says whether it did. Safe in a signal handler.
pub fn answer(which: Answer) -> bool {
    let (Some(answers), Some(stdout)) = (ANSWERS.get(), descriptor(&STDOUT)) else {
        return false;
    };
    if !is_own_process() {
        return false;
    }
    let is_ours = claim();
    if is_ours {
        descriptor_copies::mend_log(stdout);
        let stdout = descriptor_copies::instead_of(stdout).unwrap_or(stdout);
        let (prepared, status, number) = match which {
            Answer::Error => (&answers.error, b"500\n", 500),
            Answer::Timeout => (&answers.timeout, b"504\n", 504),
        };
        tally::own().head(number);
        tally::own().add(prepared.content);
        let report = descriptor(&REPORT);
        if let Some(report) = report {
            write_all(report, status);
        }
        write_all(stdout, &prepared.response);
        if let Some(report) = report {
            write_all(report, &prepared.end);
        }
    }
    is_ours
}

/// Ends a prepared answer, and reads the rest of the body from a server that reads the answer only
/// after that. Safe in a signal handler.
pub fn drain() {
    let Some(stdin) = descriptor(&STDIN).filter(|stdin| unread_body::is_awaited(*stdin)) else {
        return;
    };
    if let Some(stdout) = descriptor(&STDOUT) {
        // Apache's mod_cgid makes one socket of both.
        _ = rustix::net::shutdown(stdout, rustix::net::Shutdown::Write);
    }
    release(&STDOUT, null().as_ref());
    drop(descriptor_copies::take_response());
    unread_body::drain(stdin);
}

/// Writes an entry to the error log. Safe in a signal handler.
pub fn log(parts: &[&[u8]]) {
    // The parts are fixed texts that need no escaping in JSON.
    let (is_json, time) = (report::is_json(), log_time::at(log_time::now()));
    let (usual, end) = if is_json {
        (&b"\",\"message\":\""[..], &b"\"}\n"[..])
    } else {
        (&b"wsgi-cgi: "[..], &b"\n"[..])
    };
    let prefix = ANSWERS.get().map_or(usual, |answers| &answers.log_prefix);
    let stamp = log_time::entry_prefix();
    let mut line = [IoSlice::new(end); 9];
    let (opening, time) = if is_json {
        (&b"{\"time\":\""[..], &time[..])
    } else {
        (&b""[..], stamp.as_bytes())
    };
    let before = [open_line::end().as_bytes(), opening, time, prefix];
    // The last element stays for the end of the line.
    let room = line.len() - 1;
    let whole = before.iter().chain(parts);
    let mut count = 0;
    for (place, part) in line[..room].iter_mut().zip(whole) {
        *place = IoSlice::new(part);
        count += 1;
    }
    write_in_one(rustix::stdio::stderr(), &mut line[..=count]);
}

/// Writes the parts of a line with one system call, or with several if the system accepts only a part at once.
fn write_in_one(to: BorrowedFd<'_>, mut parts: &mut [IoSlice<'_>]) {
    while !parts.is_empty() {
        match rustix::io::writev(to, parts) {
            Ok(0) => return,
            Ok(written) => IoSlice::advance_slices(&mut parts, written),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Makes both pipes non-blocking: a system call that was about to begin when the signal came must
/// not wait. Safe in a signal handler.
pub fn stop_waiting() {
    for descriptor in [&STDIN, &STDOUT].into_iter().filter_map(descriptor) {
        _ = rustix::fs::fcntl_setfl(descriptor, rustix::fs::OFlags::NONBLOCK);
    }
}

/// Puts /dev/null in the place of the server's pipes, so that a forked child neither answers nor
/// keeps them open, and a response that timed out ends. Safe in a signal handler.
pub fn let_go() {
    let null = null();
    for place in [&STDIN, &STDOUT, &REPORT] {
        release(place, null.as_ref());
    }
    drop(descriptor_copies::take_response());
    claim::let_go();
    CLAIMED.store(true, Ordering::Release);
    OVER.store(false, Ordering::Release);
}

fn null() -> Option<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::open(c"/dev/null", flags, Mode::empty()).ok()
}

/// Replaces a descriptor that may no longer be used by `null`.
fn release(place: &AtomicI32, null: Option<&OwnedFd>) {
    let raw = place.swap(-1, Ordering::AcqRel);
    if raw < 0 {
        return;
    }
    // SAFETY: the number belongs to a descriptor that the exchange keeps open until it calls
    // `disarm`; dup3 and close take numbers, so that no ownership is claimed here.
    unsafe {
        match null {
            Some(null) => _ = libc::dup3(null.as_raw_fd(), raw, libc::O_CLOEXEC),
            None => _ = libc::close(raw),
        }
    }
}

fn descriptor(place: &AtomicI32) -> Option<BorrowedFd<'static>> {
    let raw: RawFd = place.load(Ordering::Acquire);
    // SAFETY: the exchange keeps the descriptor open until it calls `disarm`.
    (raw >= 0).then(|| unsafe { BorrowedFd::borrow_raw(raw) })
}

fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
