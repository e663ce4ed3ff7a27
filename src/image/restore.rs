//! From an image to a running process. Everything is mapped at free addresses beside this program, so that it
//! can still do something else after a failure; the jump comes last.

use std::convert::Infallible;
use std::ffi::{CStr, CString, c_int, c_void};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use rustix::mm::{
    Advice, MapFlags, MremapFlags, ProtFlags, madvise, mmap, mmap_anonymous, mremap_fixed, munmap,
};
use rustix::process::{Resource, getrlimit};

use crate::arch;
use crate::branch::Handoff;
use crate::database;
use crate::format::{Head, Opened, Stamp, advice};
use crate::freshness;
use crate::plan::{Part, Step, plan};
use process::filter;

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

/// Becomes the process in the image. `code` is the address of the vDSO in this process.
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
    let mut files: Vec<(&[u8], OwnedFd)> = Vec::new();
    let mut opened: Vec<(&Opened, OwnedFd)> = Vec::new();
    let mut mapped = Mapped(Vec::with_capacity(steps.len() + ours.len()));
    for step in &steps {
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
                mapped.map(*part, *protection, flags, None)?;
            }
            Step::Advise { part, advice } => advise(*part, *advice)?,
            Step::Pages {
                part,
                protection,
                offset,
            } => mapped.map(
                *part,
                *protection,
                MapFlags::empty(),
                Some((image.as_fd(), *offset)),
            )?,
            Step::File {
                part,
                protection,
                offset,
                path,
                stamp,
            } => {
                let file = unchanged(&mut files, path, stamp)?;
                mapped.map(*part, *protection, MapFlags::empty(), Some((file, *offset)))?;
            }
            Step::Stack(part) => mapped.map(*part, 3, MapFlags::STACK, None)?,
            Step::Fetch(parts) => fetch(parts),
            Step::Open(file) => {
                let most = head.opened.iter().map(|file| file.number).max();
                opened.push((file, open_again(file, most.unwrap_or(0))?));
            }
            Step::MoveVdso(theirs) => {
                move_vdso(&mut mapped, &ours, theirs)?;
                files.clear();
            }
            Step::Jump { .. } => {}
        }
    }
    drop((image, files));
    for (file, descriptor) in opened {
        put_in_place(file, &descriptor)?;
    }
    arch::jump(head, handoff)
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

/// Fetches pages at once, which saves a page fault for each. An old kernel ignores it.
fn fetch(parts: &[Part]) {
    /// `PIDFD_SELF` (linux/pidfd.h) and `MADV_POPULATE_WRITE`
    const SELF: c_int = -10_000;
    const POPULATE_WRITE: c_int = 23;
    if filter::is_on() {
        return;
    }
    let list: Vec<libc::iovec> = parts
        .iter()
        .map(|&(start, length)| libc::iovec {
            iov_base: address(start),
            iov_len: size(length),
        })
        .collect();
    for list in list.chunks(1024) {
        // SAFETY: the pages are ours, and keep their content.
        unsafe {
            let call = libc::SYS_process_madvise;
            if libc::syscall(call, SELF, list.as_ptr(), list.len(), POPULATE_WRITE, 0) == -1 {
                for part in list {
                    _ = madvise(part.iov_base, part.iov_len, Advice::LinuxPopulateWrite);
                }
            }
        }
    }
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

/// A file, if it is still the one that was mapped when the image was made. Mappings of one file
/// come one after the other.
fn unchanged<'a, 'b>(
    files: &'a mut Vec<(&'b [u8], OwnedFd)>,
    path: &'b [u8],
    stamp: &Stamp,
) -> Result<BorrowedFd<'a>, Failure> {
    if files.last().is_none_or(|(known, _)| *known != path) {
        let name = CString::new(path).map_err(|_| "the image is damaged")?;
        let file = open(&name, OFlags::RDONLY)?;
        let now = rustix::fs::fstat(&file).map_err(|error| error.to_string())?;
        if freshness::stamp(&now) != *stamp {
            return Err(format!("`{}` has changed", path.escape_ascii()).into());
        }
        files.clear();
        files.push((path, file));
    }
    let (_, file) = files.last().ok_or("the image is damaged")?;
    Ok(file.as_fd())
}

fn open(path: &CStr, flags: OFlags) -> Result<OwnedFd, Failure> {
    rustix::fs::open(
        path,
        flags | OFlags::CLOEXEC | OFlags::NOCTTY,
        Mode::empty(),
    )
    .map_err(|error| {
        let kind = match error {
            Errno::MFILE | Errno::NFILE | Errno::NOMEM => Kind::Limit,
            _ => Kind::Changed,
        };
        let reason = format!("`{}`: {error}", path.to_bytes().escape_ascii());
        Failure::new(kind, reason)
    })
}

/// Opens a file again, at a descriptor above all that will be needed.
fn open_again(file: &Opened, most: u64) -> Result<OwnedFd, Failure> {
    let path = CString::new(file.path.as_slice()).map_err(|_| "the image is damaged")?;
    let flags = OFlags::from_bits_truncate(u32::try_from(file.flags).unwrap_or(0));
    let descriptor = open(&path, flags)?;
    let about = rustix::fs::fstat(&descriptor).map_err(|error| error.to_string())?;
    if (about.st_dev, about.st_ino) != (file.device, file.inode) {
        return Err(format!(
            "`{}` was replaced by another file",
            file.path.escape_ascii()
        )
        .into());
    }
    if file.born != 0 && database::born(&descriptor) != Some(file.born) {
        return Err(format!("the database `{}` was replaced", file.path.escape_ascii()).into());
    }
    // Written to, but with the same header fields: SQLite would take old pages for those of the file.
    if file.born != 0
        && database::written(&about) != file.written
        && database::state(&descriptor) == Some(file.state)
    {
        return Err(format!(
            "the content of the database `{}` was replaced",
            file.path.escape_ascii()
        )
        .into());
    }
    if file.position > 0 {
        rustix::fs::seek(&descriptor, SeekFrom::Start(file.position))
            .map_err(|error| format!("`{}`: {error}", file.path.escape_ascii()))?;
    }
    let beyond = i32::try_from(most + 1).map_err(|_| "the image is damaged")?;
    rustix::io::fcntl_dupfd_cloexec(&descriptor, beyond).map_err(|error| {
        let reason = format!("cannot open file descriptor {beyond}: {error}");
        Failure::new(Kind::Limit, reason)
    })
}

/// Moves it to the descriptor that it had.
fn put_in_place(file: &Opened, descriptor: &OwnedFd) -> Result<(), Failure> {
    let number = c_int::try_from(file.number).map_err(|_| "the image is damaged")?;
    let flags = if file.close_on_exec {
        libc::O_CLOEXEC
    } else {
        0
    };
    // SAFETY: this program has nothing open any more under a number that small.
    match unsafe { libc::dup3(descriptor.as_raw_fd(), number, flags) } {
        -1 => {
            let error = std::io::Error::last_os_error();
            let reason = format!("cannot open file descriptor {number}: {error}");
            Err(Failure::new(Kind::Limit, reason))
        }
        _ => Ok(()),
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
