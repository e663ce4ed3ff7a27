//! The claim to the one answer, shared by the process that answers and the one that waits beside
//! it: a page of memory, which an application cannot close as it can a descriptor. The process that
//! begins to answer takes the claim; where it ended without, the one that waits answers in its
//! place.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use rustix::fs::{MemfdFlags, Mode, OFlags, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap};
use rustix::thread::futex;

use crate::filter;
use crate::tally::{self, Tally};

/// The answer has begun.
const CLAIMED: u32 = 1;
/// Something has happened to the process that answers.
const NEWS: u32 = 2;
/// The process that answers has started: its Python has called the executor, or it was restored.
const STARTED: u32 = 4;

const LENGTH: usize = 4096;

/// Offset of the tally in the page, in 32-bit words.
const TALLY: usize = 16;

/// The page, as it is mapped in this process.
#[derive(Clone, Copy, Debug)]
pub struct Claim(NonNull<AtomicU32>);

/// For signal handlers: the page in the process that waits.
static WAITING: AtomicPtr<AtomicU32> = AtomicPtr::new(null_mut());
/// And in the one that answers.
static ANSWERING: AtomicPtr<AtomicU32> = AtomicPtr::new(null_mut());

impl Claim {
    /// A new claim that is not taken, and the descriptor by which another process maps it, which
    /// stays open through exec.
    ///
    /// # Errors
    /// Where the system has no such memory.
    pub fn new() -> io::Result<(Self, OwnedFd)> {
        // A filter may end a process that makes a call newer than the filter.
        let page = if filter::is_on() {
            file_without_name()?
        } else {
            memfd_create(c"wsgi-cgi claim", MemfdFlags::empty()).or_else(|_| file_without_name())?
        };
        ftruncate(&page, LENGTH as u64)?;
        Ok((Self::map(&page)?, page))
    }

    fn map(page: &OwnedFd) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: new memory at a place that is nobody's.
        let start = unsafe { mmap(null_mut(), LENGTH, protection, MapFlags::SHARED, page, 0) }?;
        NonNull::new(start.cast())
            .map(Self)
            .ok_or(io::ErrorKind::OutOfMemory.into())
    }

    fn word(&self) -> &AtomicU32 {
        // SAFETY: the page stays mapped as long as the process lives, and its first word is only used
        // in this way.
        unsafe { self.0.as_ref() }
    }

    /// Notes why the process that was to answer could not even start.
    pub fn note_failure(&self, error: &io::Error) {
        let number = error.raw_os_error().unwrap_or(libc::EIO).unsigned_abs();
        self.word_after().store(number, Ordering::Release);
    }

    /// The failure that was noted.
    #[must_use]
    pub fn failure(&self) -> Option<io::Error> {
        match self.word_after().load(Ordering::Acquire) {
            0 => None,
            number => Some(io::Error::from_raw_os_error(number.cast_signed())),
        }
    }

    /// Whether there was news; it is cleared.
    #[must_use]
    pub fn take_news(&self) -> bool {
        self.word().fetch_and(!NEWS, Ordering::AcqRel) & NEWS != 0
    }

    fn word_after(&self) -> &AtomicU32 {
        // SAFETY: as above; the page is longer than two words.
        unsafe { self.0.add(1).as_ref() }
    }

    /// Counts what was sent of the answer.
    #[must_use]
    pub fn tally(&self) -> &'static Tally {
        // SAFETY: as above; it begins at byte 64 of the page, which has room for it, and zeros are a valid
        // empty tally. The page is never unmapped.
        unsafe { self.0.add(TALLY).cast::<Tally>().as_ref() }
    }

    /// Whether the answer has begun.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.word().load(Ordering::Acquire) & CLAIMED != 0
    }

    /// Whether the process that answers has started.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.word().load(Ordering::Acquire) & STARTED != 0
    }

    /// From now on [`wake_waiting_process`] wakes this process.
    pub fn watch(&self) {
        WAITING.store(self.0.as_ptr(), Ordering::Release);
    }

    /// Waits until it is taken, or there is news.
    pub fn wait(&self) {
        let seen = self.word().load(Ordering::Acquire);
        if seen & (CLAIMED | NEWS) == 0 {
            _ = futex::wait(self.word(), futex::Flags::empty(), seen, None);
        }
    }
}

/// An open file without a name, which no other process can open.
fn file_without_name() -> Result<OwnedFd, Errno> {
    let mut error = Errno::NOENT;
    for folder in ["/dev/shm", "/tmp"] {
        let name = format!("{folder}/wsgi-cgi-claim-{}", std::process::id());
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        match rustix::fs::open(&name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => {
                rustix::fs::unlink(&name)?;
                return Ok(file);
            }
            Err(other) => error = other,
        }
    }
    Err(error)
}

/// Wakes the process that waits. Safe in a signal handler.
pub fn wake_waiting_process() {
    // SAFETY: null, or a page that stays mapped.
    if let Some(word) = unsafe { WAITING.load(Ordering::Acquire).as_ref() } {
        word.fetch_or(NEWS, Ordering::AcqRel);
    }
}

/// This process is the one that answers: maps the page, and closes its descriptor.
///
/// # Errors
/// Where the descriptor is not valid, or memory is short.
pub fn adopt(page: RawFd) -> io::Result<()> {
    if page < 0 {
        return Err(Errno::BADF.into());
    }
    // SAFETY: the program left it open for this process, and nobody else knows of it.
    let page = unsafe { OwnedFd::from_raw_fd(page) };
    answer_under(Claim::map(&page)?);
    Ok(())
}

/// This process is the one that answers, and was forked from the one that waits, with the page.
pub fn answer_under(claim: Claim) {
    tally::share(claim.tally());
    claim.word().fetch_or(STARTED, Ordering::AcqRel);
    ANSWERING.store(claim.0.as_ptr(), Ordering::Release);
}

/// The address of the page in this process, for a restored process that goes on in its memory: null
/// where no process waits.
#[must_use]
pub fn place() -> *mut AtomicU32 {
    ANSWERING.load(Ordering::Acquire)
}

/// For a restored process, which has taken over the memory of the program.
///
/// # Safety
/// The pointer is null, or was [`place`] in the program.
pub unsafe fn adopt_address(place: *mut AtomicU32) {
    match NonNull::new(place) {
        Some(page) => answer_under(Claim(page)),
        None => let_go(),
    }
}

/// Tells the process that waits that the answer begins. Safe in a signal handler.
pub fn take() {
    // SAFETY: null, or a page that stays mapped.
    if let Some(word) = unsafe { ANSWERING.load(Ordering::Acquire).as_ref() }
        && word.fetch_or(CLAIMED, Ordering::AcqRel) & CLAIMED == 0
    {
        _ = futex::wake(word, futex::Flags::empty(), 1);
    }
}

/// A forked process does not answer.
pub fn let_go() {
    ANSWERING.store(null_mut(), Ordering::Release);
}
