//! From an image to a running process. Everything is mapped where nothing is, with this program
//! still whole, so that a failure leaves it able to do something else; the jump comes last.

use std::convert::Infallible;
use std::ffi::{CString, c_char, c_void};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::mm::{
    Advice, MapFlags, MremapFlags, ProtFlags, madvise, mmap, mmap_anonymous, mremap_fixed,
};

use crate::format::{Content, Head};
use crate::freshness;

/// What the restored process finds; this program's memory stays mapped. As in `branch`.
#[repr(C)]
pub(crate) struct Handoff {
    pub(crate) environment: *const *const c_char,
    pub(crate) image: *const c_char,
    pub(crate) trial: u64,
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
    map_regions(&image, head)?;
    move_kernel_parts(&ours, &head.vdso)?;
    drop(image);
    jump(head, handoff)
}

fn map_regions(image: &File, head: &Head) -> Result<(), String> {
    let mut files: Vec<Option<OwnedFd>> = head.files.iter().map(|_| None).collect();
    let private = MapFlags::PRIVATE | MapFlags::FIXED_NOREPLACE;
    for region in &head.regions {
        let (start, length) = (address(region.start), size(region.length));
        let protection =
            ProtFlags::from_bits_truncate(u32::try_from(region.protection).unwrap_or(0));
        let mapped = match &region.content {
            // SAFETY: nothing is there yet, or the call fails.
            Content::Nothing => unsafe {
                mmap_anonymous(start, length, protection, private | MapFlags::NORESERVE)
            },
            // SAFETY: as above.
            Content::Image(offset) => unsafe {
                mmap(start, length, protection, private, image, *offset)
            },
            Content::File(file, offset) => {
                let file = open(head, &mut files, *file)?;
                // SAFETY: as above.
                unsafe { mmap(start, length, protection, private, file, *offset) }
            }
        };
        match mapped {
            Ok(place) if place == start => {}
            Ok(_) | Err(_) => return Err(format!("the address {:x} is taken", region.start)),
        }
    }
    for &(start, length) in &head.eager {
        // Page by page as they are written to, each would cost a fault. An old kernel knows nothing
        // of it.
        // SAFETY: the pages are ours, and keep their content.
        _ = unsafe { madvise(address(start), size(length), Advice::LinuxPopulateWrite) };
    }
    let (start, length) = head.stack;
    if length > 0 {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: as above.
        let mapped = unsafe {
            mmap_anonymous(
                address(start),
                size(length),
                protection,
                private | MapFlags::NORESERVE | MapFlags::STACK,
            )
        };
        if mapped.ok() != Some(address(start)) {
            return Err("there is no room for the stack".into());
        }
    }
    Ok(())
}

/// A file of the list, if it is still the one that was mapped when the image was made.
fn open<'a>(
    head: &Head,
    files: &'a mut [Option<OwnedFd>],
    number: u64,
) -> Result<BorrowedFd<'a>, String> {
    let damaged = || String::from("the image is damaged");
    let number = size(number);
    let (path, stamp) = head.files.get(number).ok_or_else(damaged)?;
    let place = files.get_mut(number).ok_or_else(damaged)?;
    if place.is_none() {
        let name = CString::new(path.as_slice()).map_err(|_| damaged())?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::open(&name, flags, Mode::empty())
            .map_err(|error| format!("`{}`: {error}", path.escape_ascii()))?;
        let now = rustix::fs::fstat(&file).map_err(|error| error.to_string())?;
        if freshness::stamp(&now) != *stamp {
            return Err(format!("`{}` has changed", path.escape_ascii()));
        }
        *place = Some(file);
    }
    place.as_ref().map(AsFd::as_fd).ok_or_else(damaged)
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
