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

/// Becomes the process that the image is of. `code` is where the kernel has put its code in this
/// process.
pub(crate) fn restore(
    image: File,
    head: &Head,
    code: u64,
    handoff: &Handoff,
) -> Result<Infallible, String> {
    if !cfg!(target_arch = "x86_64") {
        return Err("images are for x86-64 only".into());
    }
    let ours = kernel_parts(head, code);
    let steps = plan(head).ok_or("the image is damaged")?;
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
            Step::Fetch(parts) => fetch(parts),
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

/// Fetches pages, which would else cost a fault each as they are written to. An old kernel knows
/// nothing of it.
fn fetch(parts: &[Part]) {
    /// `PIDFD_SELF` (linux/pidfd.h) and `MADV_POPULATE_WRITE`
    const SELF: c_int = -10_000;
    const POPULATE_WRITE: c_int = 23;
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
        let (start, length) = (address(start), size(length));
        if let Some((file, offset)) = file {
            mmap(start, length, protection, flags, file, offset)
        } else {
            let flags = flags | MapFlags::NORESERVE;
            mmap_anonymous(start, length, protection, flags)
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

/// Where the kernel has put its own code and data in this process: all of it as far away from where
/// it was as its code is, since the kernel is the same.
fn kernel_parts(head: &Head, code: u64) -> Vec<Part> {
    let shift = code.wrapping_sub(head.vdso_code);
    let moved = |&(start, length): &Part| (start.wrapping_add(shift), length);
    head.vdso.iter().map(moved).collect()
}

/// The C library in the image calls the kernel's code where it was.
fn move_kernel_parts(ours: &[Part], theirs: &[Part]) -> Result<(), String> {
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
