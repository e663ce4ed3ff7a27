//! A second thread for restoring: it checks the image's files while the first maps memory, then both fetch pages.
//! It has the first thread's C library block, and possibly one that is not set up yet: so it calls the kernel
//! alone, allocates nothing, and has ended before anything else happens in the process.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};

use rustix::mm::{Advice, madvise};
use rustix::thread::{CpuSet, futex, sched_getaffinity};

use crate::arch;
use crate::format::Head;
use crate::freshness::{self, Stale};
use crate::plan::Part;
use process::filter;

/// What both threads do: each takes the next few of a list until none is left.
pub(crate) struct Work<'a> {
    head: &'a Head,
    /// The next file to check, and the first that was found to have changed.
    next: AtomicUsize,
    changed: AtomicUsize,
    /// The next part to fetch, once all is mapped.
    next_part: AtomicUsize,
    is_mapped: AtomicBool,
    /// Not where system calls are filtered: the calls that this needs are newer than many filters.
    may_fetch: bool,
}

/// How many are taken at once: files are checked in a microsecond each, parts fetched in one or two.
const FEW: usize = 16;

/// With fewer files a thread costs more than it saves.
const MANY: usize = 64;

impl<'a> Work<'a> {
    pub(crate) fn of(head: &'a Head) -> Self {
        Self {
            head,
            next: AtomicUsize::new(0),
            changed: AtomicUsize::new(usize::MAX),
            next_part: AtomicUsize::new(0),
            is_mapped: AtomicBool::new(false),
            may_fetch: !filter::is_on(),
        }
    }

    /// Checks files until none is left, or one has changed.
    pub(crate) fn check(&self) {
        let all = freshness::files(self.head);
        while self.changed.load(SeqCst) == usize::MAX {
            let first = self.next.fetch_add(FEW, SeqCst);
            if first >= all {
                break;
            }
            let mut taken = first..all.min(first + FEW);
            if let Some(place) = taken.find(|&place| !freshness::is_as_it_was(self.head, place)) {
                self.changed.fetch_min(place, SeqCst);
            }
        }
    }

    /// Fetches parts until none is left.
    pub(crate) fn fetch(&self) {
        let parts = &self.head.eager;
        self.is_mapped.store(true, SeqCst);
        if !self.may_fetch {
            return;
        }
        loop {
            let first = self.next_part.fetch_add(FEW, SeqCst);
            if first >= parts.len() {
                break;
            }
            populate(&parts[first..parts.len().min(first + FEW)]);
        }
    }

    /// Once all files were checked: the one that has changed, or else the folder.
    pub(crate) fn result(&self) -> Result<(), Stale> {
        match self.changed.load(SeqCst) {
            usize::MAX => freshness::check_folders(self.head),
            place => Err(freshness::changed(self.head, place)),
        }
    }

    fn of_the_second_thread(&self) {
        self.check();
        if self.is_mapped.load(SeqCst) {
            self.fetch();
        }
    }
}

/// Fetches pages at once, which saves a page fault for each. An old kernel ignores it.
fn populate(parts: &[Part]) {
    /// `PIDFD_SELF` (linux/pidfd.h) and `MADV_POPULATE_WRITE`
    const SELF: c_int = -10_000;
    const POPULATE_WRITE: c_int = 23;
    let mut list = [libc::iovec {
        iov_base: null_mut(),
        iov_len: 0,
    }; FEW];
    for (entry, &(start, length)) in list.iter_mut().zip(parts) {
        let address = usize::try_from(start).unwrap_or(0);
        entry.iov_base = std::ptr::with_exposed_provenance_mut(address);
        entry.iov_len = usize::try_from(length).unwrap_or(0);
    }
    let list = &list[..parts.len().min(FEW)];
    // SAFETY: the pages are the image's, and keep their content.
    unsafe {
        let call = libc::SYS_process_madvise;
        if libc::syscall(call, SELF, list.as_ptr(), list.len(), POPULATE_WRITE, 0) == -1 {
            for part in list {
                _ = madvise(part.iov_base, part.iov_len, Advice::LinuxPopulateWrite);
            }
        }
    }
}

/// A thread's stack: a check of a file needs less than a page.
const STACK: usize = 64 << 10;

/// The thread that runs, if any; it has ended when this is dropped.
pub(crate) struct Thread<'a> {
    /// The kernel sets it to 0 when the thread has ended (`CLONE_CHILD_CLEARTID`, clone(2)).
    runs: Box<AtomicU32>,
    stack: Vec<MaybeUninit<u8>>,
    work: &'a Work<'a>,
}

impl<'a> Thread<'a> {
    /// Starts it where it helps: many files, and a second processor.
    pub(crate) fn start(work: &'a Work<'a>) -> Self {
        let mut thread = Self {
            runs: Box::new(AtomicU32::new(0)),
            stack: Vec::new(),
            work,
        };
        let is_worth_it = freshness::files(work.head) >= MANY && work.may_fetch;
        if is_worth_it && sched_getaffinity(None).is_ok_and(|set: CpuSet| set.count() > 1) {
            thread.begin();
        }
        thread
    }

    fn begin(&mut self) {
        extern "C" fn run(work: *const c_void) {
            // SAFETY: the work outlives the thread, which `join` waits for.
            unsafe { (*work.cast::<Work<'_>>()).of_the_second_thread() }
        }
        self.stack = Vec::with_capacity(STACK);
        let start = self.stack.as_mut_ptr();
        let top = start
            .wrapping_add(STACK - (start.addr() + STACK) % 16)
            .cast();
        self.runs.store(1, SeqCst);
        let (work, done) = (std::ptr::from_ref(self.work).cast(), self.runs.as_ptr());
        // Signals are for the first thread alone.
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sets of signals of their own; what the thread uses is there until it has ended.
        let begun = unsafe {
            let mut all = MaybeUninit::uninit();
            libc::sigfillset(all.as_mut_ptr());
            libc::sigprocmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            let begun = arch::begin_thread(top, done, run, work);
            libc::sigprocmask(libc::SIG_SETMASK, before.as_ptr(), null_mut());
            begun
        };
        if !begun {
            self.runs.store(0, SeqCst);
        }
    }
}

impl Thread<'_> {
    /// Waits for its end.
    pub(crate) fn join(&mut self) {
        while self.runs.load(SeqCst) != 0 {
            // The kernel wakes it as if processes shared it. A signal is no reason to go on.
            _ = futex::wait(&self.runs, futex::Flags::empty(), 1, None);
        }
    }
}

impl Drop for Thread<'_> {
    fn drop(&mut self) {
        self.join();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::freshness::stamp_of;

    /// An image that depends on that many files, one of them with a path that is longer than most.
    fn head(folder: &tempfile::TempDir, files: usize) -> Head {
        let deep = folder.path().join("d".repeat(250));
        fs::create_dir(&deep).expect("made");
        let stamped = |number: usize| {
            let parent = if number == 77 { &deep } else { folder.path() };
            let path = parent.join(number.to_string());
            fs::write(&path, "before").expect("written");
            let path = path.into_os_string().into_encoded_bytes();
            let stamp = stamp_of(&path).expect("there");
            (path, stamp)
        };
        Head {
            files: (0..files).map(stamped).collect(),
            ..Head::default()
        }
    }

    fn checked(head: &Head) -> Result<(), Stale> {
        let work = Work::of(head);
        let mut second = Thread::start(&work);
        work.fetch();
        work.check();
        second.join();
        work.result()
    }

    #[test]
    fn every_file_is_checked_with_a_second_thread_and_without() {
        for files in [MANY - 1, 500] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut head = head(&folder, files);
            for _ in 0..50 {
                assert_eq!(checked(&head), Ok(()));
            }
            for place in [0, 5, 61, 77, files - 1] {
                let Some((path, _)) = head.files.get(place).cloned() else {
                    continue;
                };
                let name = String::from_utf8_lossy(&path).into_owned();
                fs::write(&name, "changed").expect("written");
                let stale = checked(&head).expect_err("changed");
                assert_eq!(stale.reason, format!("`{name}` has changed"));
                head.files[place].1 = stamp_of(&path).expect("there");
                assert_eq!(checked(&head), Ok(()));
            }
        }
    }

    #[test]
    fn every_part_is_fetched() {
        const PAGES: usize = 300;
        let folder = tempfile::tempdir().expect("a folder");
        let mut head = head(&folder, 200);
        let length = PAGES * 4096;
        // SAFETY: new memory, nobody else's.
        let start = unsafe {
            use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
            let both = ProtFlags::READ | ProtFlags::WRITE;
            mmap_anonymous(null_mut(), length, both, MapFlags::PRIVATE).expect("memory")
        };
        let every_second = (0..PAGES).step_by(2);
        head.eager = every_second
            .map(|page| ((start.addr() + page * 4096) as u64, 4096))
            .collect();
        assert_eq!(checked(&head), Ok(()));
        let mut resident = vec![0_u8; PAGES];
        // SAFETY: the memory above, and a byte for each of its pages.
        unsafe { libc::mincore(start, length, resident.as_mut_ptr()) };
        let fetched = resident.iter().filter(|&&page| page & 1 == 1).count();
        assert!(fetched >= PAGES / 2, "{fetched}");
    }
}
