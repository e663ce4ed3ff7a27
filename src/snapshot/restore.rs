//! From an image to a running process. Everything is mapped where nothing is, with this program
//! still whole, so that a failure leaves it able to do something else; the jump comes last.

use std::convert::Infallible;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::mm::{
    Advice, MapFlags, MremapFlags, ProtFlags, madvise, mmap, mmap_anonymous, mremap_fixed,
};
use rustix::process::{Resource, getrlimit};

use crate::format::{Head, Opened, Stamp};
use crate::freshness;
use crate::plan::{Part, Step, plan};

/// What the restored process finds; this program's memory stays mapped. As in `branch`.
#[repr(C)]
pub(crate) struct Handoff {
    pub(crate) environment: *const *const c_char,
    pub(crate) image: *const c_char,
    pub(crate) trial: u64,
    pub(crate) cold: Option<extern "C" fn() -> !>,
}

/// Becomes the process that the image is of.
pub(crate) fn restore(image: File, head: &Head, handoff: &Handoff) -> Result<Infallible, String> {
    if !cfg!(target_arch = "x86_64") {
        return Err("images are for x86-64 only".into());
    }
    let ours = kernel_parts()?;
    if ours.len() != head.vdso.len()
        || ours
            .iter()
            .zip(&head.vdso)
            .any(|(ours, theirs)| ours.1 != theirs.1)
    {
        return Err("the kernel's own part is another".into());
    }
    let limit = getrlimit(Resource::Stack).current;
    let steps = plan(head, limit).ok_or("the image is damaged")?;
    let mut files: Vec<(&[u8], OwnedFd)> = Vec::new();
    let mut opened: Vec<(&Opened, OwnedFd)> = Vec::new();
    for step in &steps {
        match step {
            Step::Empty { part, protection } => map(*part, *protection, MapFlags::empty(), None)?,
            Step::Pages {
                part,
                protection,
                offset,
            } => map(
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
                map(*part, *protection, MapFlags::empty(), Some((file, *offset)))?;
            }
            Step::Stack(part) => map(*part, 3, MapFlags::STACK, None)?,
            // Page by page as they are written to, each would cost a fault. An old kernel knows
            // nothing of it.
            // SAFETY: the pages are ours, and keep their content.
            Step::Fetch((start, length)) => unsafe {
                _ = madvise(address(*start), size(*length), Advice::LinuxPopulateWrite);
            },
            Step::Open(file) => {
                let most = head.opened.iter().map(|file| file.number).max();
                opened.push((file, open_again(file, most.unwrap_or(0))?));
            }
            Step::MoveKernel(theirs) => {
                move_kernel_parts(&ours, theirs)?;
                files.clear();
            }
            Step::Jump { .. } => {}
        }
    }
    drop((image, files));
    for (file, descriptor) in opened {
        put_in_place(file, &descriptor)?;
    }
    jump(head, handoff)
}

/// Maps a part where nothing is.
fn map(
    (start, length): Part,
    protection: u64,
    further: MapFlags,
    file: Option<(BorrowedFd<'_>, u64)>,
) -> Result<(), String> {
    let protection = ProtFlags::from_bits_truncate(u32::try_from(protection).unwrap_or(0));
    let flags = MapFlags::PRIVATE | MapFlags::FIXED_NOREPLACE | further;
    // SAFETY: nothing is there yet, or the call fails.
    let mapped = unsafe {
        match file {
            Some((file, offset)) => mmap(
                address(start),
                size(length),
                protection,
                flags,
                file,
                offset,
            ),
            None => {
                let flags = flags | MapFlags::NORESERVE;
                mmap_anonymous(address(start), size(length), protection, flags)
            }
        }
    };
    match mapped {
        Ok(place) if place == address(start) => Ok(()),
        // A kernel that does not know the flag takes the address for a wish.
        Ok(_) | Err(_) => Err(format!("the address {start:x} is taken")),
    }
}

/// A file, if it is still the one that was mapped when the image was made. Mappings of one file
/// come one after the other.
fn unchanged<'a, 'b>(
    files: &'a mut Vec<(&'b [u8], OwnedFd)>,
    path: &'b [u8],
    stamp: &Stamp,
) -> Result<BorrowedFd<'a>, String> {
    if files.last().is_none_or(|(known, _)| *known != path) {
        let name = CString::new(path).map_err(|_| "the image is damaged")?;
        let file = open(&name, OFlags::RDONLY)?;
        let now = rustix::fs::fstat(&file).map_err(|error| error.to_string())?;
        if freshness::stamp(&now) != *stamp {
            return Err(format!("`{}` has changed", path.escape_ascii()));
        }
        files.clear();
        files.push((path, file));
    }
    let (_, file) = files.last().ok_or("the image is damaged")?;
    Ok(file.as_fd())
}

fn open(path: &CStr, flags: OFlags) -> Result<OwnedFd, String> {
    rustix::fs::open(
        path,
        flags | OFlags::CLOEXEC | OFlags::NOCTTY,
        Mode::empty(),
    )
    .map_err(|error| format!("`{}`: {error}", path.to_bytes().escape_ascii()))
}

/// A file that was open, at a number beyond all that are wanted.
fn open_again(file: &Opened, most: u64) -> Result<OwnedFd, String> {
    let path = CString::new(file.path.as_slice()).map_err(|_| "the image is damaged")?;
    let flags = OFlags::from_bits_truncate(u32::try_from(file.flags).unwrap_or(0));
    let descriptor = open(&path, flags)?;
    let about = rustix::fs::fstat(&descriptor).map_err(|error| error.to_string())?;
    if (about.st_dev, about.st_ino) != (file.device, file.inode) {
        return Err(format!("`{}` is another file", file.path.escape_ascii()));
    }
    if file.position > 0 {
        rustix::fs::seek(&descriptor, SeekFrom::Start(file.position))
            .map_err(|error| format!("`{}`: {error}", file.path.escape_ascii()))?;
    }
    let beyond = i32::try_from(most + 1).map_err(|_| "the image is damaged")?;
    rustix::io::fcntl_dupfd_cloexec(&descriptor, beyond).map_err(|error| error.to_string())
}

/// Gives it the number that it had.
fn put_in_place(file: &Opened, descriptor: &OwnedFd) -> Result<(), String> {
    let number = c_int::try_from(file.number).map_err(|_| "the image is damaged")?;
    let flags = if file.close_on_exec {
        libc::O_CLOEXEC
    } else {
        0
    };
    // SAFETY: this program has nothing open any more under a number that small.
    match unsafe { libc::dup3(descriptor.as_raw_fd(), number, flags) } {
        -1 => Err("a file cannot be opened again".into()),
        _ => Ok(()),
    }
}

/// Where the kernel has put its own code and data in this process.
fn kernel_parts() -> Result<Vec<(u64, u64)>, String> {
    let text = std::fs::read_to_string("/proc/self/maps").map_err(|error| error.to_string())?;
    let mut parts = Vec::new();
    for line in text.lines() {
        if !line.contains("[vvar") && !line.contains("[vdso]") {
            continue;
        }
        let range = line
            .split(' ')
            .next()
            .and_then(|range| range.split_once('-'));
        let range = range.and_then(|(start, end)| {
            let number = |text| u64::from_str_radix(text, 16).ok();
            Some((number(start)?, number(end)?))
        });
        let (start, end) = range.ok_or("/proc/self/maps")?;
        parts.push((start, end - start));
    }
    Ok(parts)
}

/// The C library in the image calls the kernel's code where it was.
fn move_kernel_parts(ours: &[(u64, u64)], theirs: &[(u64, u64)]) -> Result<(), String> {
    if ours == theirs {
        return Ok(());
    }
    let nothing = ProtFlags::empty();
    let free = MapFlags::PRIVATE | MapFlags::FIXED_NOREPLACE | MapFlags::NORESERVE;
    for &(start, length) in theirs {
        // SAFETY: nothing is there yet, or the call fails.
        let reserved = unsafe { mmap_anonymous(address(start), size(length), nothing, free) };
        if reserved.ok() != Some(address(start)) {
            return Err("the place of the kernel's own part is taken".into());
        }
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
            return Err("the kernel's own part does not move".into());
        }
    }
    Ok(())
}

#[cfg(not(target_arch = "x86_64"))]
fn jump(_head: &Head, _handoff: &Handoff) -> ! {
    unreachable!("nothing is restored here")
}

#[cfg(target_arch = "x86_64")]
fn jump(head: &Head, handoff: &Handoff) -> ! {
    // SAFETY: everything that the code at `entry` uses is mapped as it was when it was left; it
    // takes the stack from where `stack_pointer` points. 158 is arch_prctl, 0x1002 ARCH_SET_FS.
    unsafe {
        std::arch::asm!(
            "mov r12, rdi",
            "mov r13, rsi",
            "mov r14, rdx",
            "mov eax, 158",
            "mov edi, 0x1002",
            "mov rsi, rcx",
            "syscall",
            "mov rdi, r12",
            "mov rsi, r13",
            "xor ebp, ebp",
            "jmp r14",
            in("rdi") handoff,
            in("rsi") head.stack_pointer,
            in("rdx") head.entry,
            in("rcx") head.thread_pointer,
            options(noreturn),
        )
    }
}

fn address(number: u64) -> *mut c_void {
    std::ptr::with_exposed_provenance_mut(size(number))
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0)
}
