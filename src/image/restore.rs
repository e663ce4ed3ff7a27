//! From an image to a running process. Everything is mapped at free addresses beside this program, so that it
//! can still do something else after a failure; the jump comes last.

mod files;

use std::convert::Infallible;
use std::ffi::{c_int, c_void};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::mm::{
    Advice, MapFlags, MremapFlags, ProtFlags, madvise, mmap, mmap_anonymous, mremap_fixed, munmap,
};
use rustix::process::{Resource, getrlimit};

use crate::arch;
use crate::branch::Handoff;
use crate::format::{Head, Opened, advice};
use crate::plan::{Part, Step, plan};
use crate::second_thread::{Thread, Work};
use files::{open_again, put_in_place, unchanged};

/// The name (`argv[0]`) of a process that restores an image for a trial; the image's path follows.
pub const TRIAL: &str = "#?";

/// Why nothing was restored.
pub struct Failure {
    /// In a sentence.
    pub reason: String,
    /// Whether another attempt may succeed.
    pub kind: Kind,
}

/// Whether another attempt may succeed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Yes: another process may have other addresses.
    Chance,
    /// No: something that the image depends on has changed.
    Changed,
    /// Not with the limits of this process (memory, descriptors).
    Limit,
}

impl Failure {
    fn new(kind: Kind, reason: String) -> Self {
        Self { reason, kind }
    }
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::new(Kind::Changed, reason)
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

/// Becomes the process in the image, unless a file or folder that it depends on has changed. `code` is the address
/// of the vDSO in this process.
pub fn restore(
    image: File,
    head: &Head,
    code: u64,
    handoff: &Handoff,
) -> Result<Infallible, Failure> {
    if !arch::SUPPORTED {
        return Err("images need x86-64 Linux with the GNU C library".into());
    }
    let ours = vdso_parts(head, code);
    let limit = getrlimit(Resource::Stack).current;
    let steps = plan(head, limit).ok_or("the image is damaged")?;
    let work = Work::of(head);
    let mut restoring = Restoring {
        image,
        files: Vec::new(),
        opened: Vec::new(),
        most: head
            .opened
            .iter()
            .map(|file| file.number)
            .max()
            .unwrap_or(0),
        mapped: Mapped(Vec::with_capacity(steps.len() + ours.len())),
        ours,
        work: &work,
        second: Thread::start(&work),
    };
    for step in &steps {
        if let Err(failure) = restoring.take(step) {
            if failure.kind == Kind::Changed {
                // Which file has changed says more than what failed for it.
                restoring.check()?;
            }
            return Err(failure);
        }
    }
    drop((restoring.image, restoring.files));
    for (file, descriptor) in restoring.opened {
        put_in_place(file, &descriptor)?;
    }
    arch::jump(head, handoff)
}

/// What has been done so far.
struct Restoring<'a> {
    // Dropped first, as it uses what is mapped.
    second: Thread<'a>,
    image: File,
    files: Vec<(&'a [u8], OwnedFd)>,
    opened: Vec<(&'a Opened, OwnedFd)>,
    /// The highest descriptor of those.
    most: u64,
    mapped: Mapped,
    /// The parts of the vDSO.
    ours: Vec<Part>,
    work: &'a Work<'a>,
}

impl<'a> Restoring<'a> {
    fn take(&mut self, step: &Step<'a>) -> Result<(), Failure> {
        match step {
            Step::Empty {
                part,
                protection,
                may_drop,
            } => {
                let flags = if *may_drop {
                    DROPPABLE
                } else {
                    MapFlags::empty()
                };
                self.mapped.map(*part, *protection, flags, None)
            }
            Step::Advise { part, advice } => Ok(advise(*part, *advice)?),
            Step::Pages {
                part,
                protection,
                offset,
            } => {
                let file = Some((self.image.as_fd(), *offset));
                self.mapped.map(*part, *protection, MapFlags::empty(), file)
            }
            Step::File {
                part,
                protection,
                offset,
                path,
                stamp,
            } => {
                let file = Some((unchanged(&mut self.files, path, stamp)?, *offset));
                self.mapped.map(*part, *protection, MapFlags::empty(), file)
            }
            Step::Stack(part) => self.mapped.map(*part, 3, MapFlags::STACK, None),
            Step::Fetch(_) => {
                self.work.fetch();
                Ok(())
            }
            Step::Check(_) => self.check(),
            Step::Open(file) => {
                self.opened.push((file, open_again(file, self.most)?));
                Ok(())
            }
            Step::MoveVdso(theirs) => {
                self.files.clear();
                move_vdso(&mut self.mapped, &self.ours, theirs)
            }
            Step::Jump { .. } => Ok(()),
        }
    }

    fn check(&mut self) -> Result<(), Failure> {
        self.work.check();
        self.second.join();
        Ok(self.work.result().map_err(|stale| stale.reason)?)
    }
}

/// `MAP_DROPPABLE` (linux/mman.h, Linux 6.11), a kind of mapping in the place of `MAP_PRIVATE`.
const DROPPABLE: MapFlags = MapFlags::from_bits_retain(8);

fn advise((start, length): Part, advice: u64) -> Result<(), String> {
    for (bit, which) in [
        (advice::WIPE, Advice::LinuxWipeOnFork),
        (advice::KEEP, Advice::LinuxDontFork),
        (advice::HIDE, Advice::LinuxDontDump),
        (advice::MERGE, Advice::LinuxMergeable),
        (advice::HUGE, Advice::LinuxHugepage),
        (advice::SMALL, Advice::LinuxNoHugepage),
        (advice::ORDER, Advice::Sequential),
        (advice::RANDOM, Advice::Random),
    ] {
        if advice & bit != 0 {
            // SAFETY: the part was just mapped; none of these changes its content.
            unsafe { madvise(address(start), size(length), which) }.map_err(|error| {
                format!("cannot set up the memory at 0x{start:x} (madvise): {error}")
            })?;
        }
    }
    if advice & advice::GUARD != 0 {
        /// `MADV_GUARD_INSTALL` (asm-generic/mman-common.h)
        const GUARD_INSTALL: c_int = 102;
        // SAFETY: as above; the part is empty.
        if unsafe { libc::madvise(address(start), size(length), GUARD_INSTALL) } != 0 {
            let error = std::io::Error::last_os_error();
            return Err(format!(
                "cannot install guard pages at 0x{start:x} (madvise): {error}"
            ));
        }
    }
    Ok(())
}

/// What was mapped so far; unmapped again where restoring fails, as this process may need the room.
struct Mapped(Vec<Part>);

impl Mapped {
    /// Maps a part at a free address.
    fn map(
        &mut self,
        (start, length): Part,
        protection: u64,
        further: MapFlags,
        file: Option<(BorrowedFd<'_>, u64)>,
    ) -> Result<(), Failure> {
        let protection = ProtFlags::from_bits_truncate(u32::try_from(protection).unwrap_or(0));
        let kind = if further == DROPPABLE {
            MapFlags::empty()
        } else {
            MapFlags::PRIVATE
        };
        let flags = kind | MapFlags::FIXED_NOREPLACE | further;
        // SAFETY: nothing is there yet, or the call fails.
        let mapped = unsafe {
            let (start, length) = (address(start), size(length));
            if let Some((file, offset)) = file {
                mmap(start, length, protection, flags, file, offset)
            } else {
                let flags = flags | MapFlags::NORESERVE;
                mmap_anonymous(start, length, protection, flags)
            }
        };
        match mapped {
            Ok(place) if place == address(start) => {
                self.0.push((start, length));
                Ok(())
            }
            // A kernel that does not know FIXED_NOREPLACE takes the address as a hint.
            Ok(_) | Err(Errno::EXIST) => Err(Failure::new(
                Kind::Chance,
                format!("the address 0x{start:x} is already in use in this process"),
            )),
            Err(error) => Err(Failure::new(
                Kind::Limit,
                format!("cannot map memory at 0x{start:x}: {error}"),
            )),
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        for &(start, length) in &self.0 {
            // SAFETY: nothing of this program is there.
            _ = unsafe { munmap(address(start), size(length)) };
        }
    }
}

/// The parts of the vDSO in this process. All have moved by as much as its code, since the kernel is the same.
fn vdso_parts(head: &Head, code: u64) -> Vec<Part> {
    let shift = code.wrapping_sub(head.vdso_code);
    let moved = |&(start, length): &Part| (start.wrapping_add(shift), length);
    head.vdso.iter().map(moved).collect()
}

/// The C library in the image calls the kernel's code where it was.
fn move_vdso(mapped: &mut Mapped, ours: &[Part], theirs: &[Part]) -> Result<(), Failure> {
    if ours == theirs {
        return Ok(());
    }
    for &part in theirs {
        let reserved = mapped.map(part, 0, MapFlags::empty(), None);
        reserved.map_err(|failure| {
            let reason = format!("cannot move the vDSO: {}", failure.reason);
            Failure::new(failure.kind, reason)
        })?;
    }
    for (&(from, length), &(to, _)) in ours.iter().zip(theirs) {
        // SAFETY: the target was just reserved; nothing in this program calls the kernel's code
        // from here on.
        let moved = unsafe {
            mremap_fixed(
                address(from),
                size(length),
                size(length),
                MremapFlags::MAYMOVE,
                address(to),
            )
        };
        if moved.is_err() {
            let reason = "cannot move the vDSO (mremap)".to_owned();
            return Err(Failure::new(Kind::Limit, reason));
        }
    }
    Ok(())
}

fn address(number: u64) -> *mut c_void {
    std::ptr::with_exposed_provenance_mut(size(number))
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0)
}
