//! Reads from and writes to an observed thread: its registers, its memory, and the paths that its calls and
//! `/proc` name. `tracing` decides what they mean.

use std::ffi::{OsStr, c_int, c_ulong, c_void};
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::ptr;

use super::calls::Named;

/// The absolute path that a call names; `None` for an empty one, which means the descriptor.
pub(super) fn path(thread: c_int, named: &Named) -> Option<Vec<u8>> {
    let path = string(thread, named.path)?;
    let path = Path::new(OsStr::from_bytes(&path));
    if path.as_os_str().is_empty() {
        return None;
    }
    let whole = if path.is_absolute() {
        path.to_owned()
    } else {
        let folder = if named.folder == libc::AT_FDCWD {
            let link = format!("/proc/{thread}/cwd");
            fs::read_link(link).ok()?.into_os_string().into_vec()
        } else {
            opened(thread, named.folder)?
        };
        Path::new(OsStr::from_bytes(&folder)).join(path)
    };
    let whole = through_proc(thread, std::path::absolute(whole).ok()?);
    Some(whole.into_os_string().into_vec())
}

/// Resolves links below `/proc` as the observed process would, `/proc/self` first.
fn through_proc(thread: c_int, path: PathBuf) -> PathBuf {
    let Ok(rest) = path.strip_prefix("/proc") else {
        return path;
    };
    let mut parts = rest.components();
    let own = match parts.next().map(|part| part.as_os_str().as_bytes()) {
        Some(b"self" | b"thread-self") => Path::new("/proc").join(thread.to_string()),
        Some(other) => Path::new("/proc").join(OsStr::from_bytes(other)),
        None => return path,
    };
    let mut place = own.join(parts.as_path());
    let mut below = Vec::new();
    // Where the path does not exist, a folder above it may.
    loop {
        if let Ok(real) = place.canonicalize() {
            let real = below.iter().rev().fold(real, |real, name| real.join(name));
            return if real.starts_with("/proc") {
                path
            } else {
                real
            };
        }
        match (place.file_name().map(OsStr::to_owned), place.pop()) {
            (Some(name), true) => below.push(name),
            _ => return path,
        }
    }
}

pub(super) fn opened(thread: c_int, descriptor: c_int) -> Option<Vec<u8>> {
    let link = format!("/proc/{thread}/fd/{descriptor}");
    Some(fs::read_link(link).ok()?.into_os_string().into_vec())
}

/// The mapped file that contains the instruction at an address.
pub(super) fn file_of(thread: c_int, place: u64) -> Option<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{thread}/maps")).ok()?;
    let line = maps.lines().find(|line| {
        let range = line
            .split(' ')
            .next()
            .and_then(|range| range.split_once('-'));
        let number = |text| u64::from_str_radix(text, 16).ok();
        range.is_some_and(|(start, end)| {
            number(start).is_some_and(|start| start <= place)
                && number(end).is_some_and(|end| place < end)
        })
    })?;
    Some(line.as_bytes()[line.find('/')?..].to_vec())
}

/// The process that a thread belongs to.
pub(super) fn process_of(thread: c_int) -> Option<c_int> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok()
}

/// A thread's registers; `None` if it has just ended.
pub(super) fn registers(thread: c_int) -> Option<libc::user_regs_struct> {
    let mut registers = MaybeUninit::<libc::user_regs_struct>::uninit();
    let place = registers.as_mut_ptr();
    let nowhere = ptr::null_mut::<c_void>();
    // SAFETY: the structure is the one that the request fills where it succeeds.
    unsafe {
        (libc::ptrace(libc::PTRACE_GETREGS, thread, nowhere, place) == 0)
            .then(|| registers.assume_init())
    }
}

pub(super) fn request(what: libc::c_uint, thread: c_int, number: c_int) {
    // SAFETY: these requests take a number. They fail for a thread that has just ended.
    unsafe {
        libc::ptrace(
            what,
            thread,
            ptr::null_mut::<c_void>(),
            c_ulong::from(number.cast_unsigned()),
        )
    };
}

/// A C string of the process.
pub(super) fn string(thread: c_int, mut address: u64) -> Option<Vec<u8>> {
    const PAGE: u64 = 4096;
    const MOST: usize = 4096;
    let mut text = Vec::new();
    while text.len() < MOST {
        // What follows the page may not be mapped.
        let length = usize::try_from(PAGE - address % PAGE).ok()?;
        let mut piece = vec![0; length];
        if !read(thread, address, &mut piece) {
            return None;
        }
        if let Some(end) = piece.iter().position(|&byte| byte == 0) {
            text.extend_from_slice(&piece[..end]);
            return Some(text);
        }
        text.extend_from_slice(&piece);
        address += piece.len() as u64;
    }
    None
}

pub(super) fn read(thread: c_int, address: u64, to: &mut [u8]) -> bool {
    let (local, remote) = (part(to.as_mut_ptr(), to.len()), there(address, to.len()));
    // SAFETY: writes to the slice; an address that is not the other's is an error.
    let read =
        unsafe { libc::process_vm_readv(thread, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(read).is_ok_and(|read| read == to.len())
}

pub(super) fn write(thread: c_int, address: u64, bytes: &[u8]) {
    let local = part(bytes.as_ptr().cast_mut(), bytes.len());
    let remote = there(address, bytes.len());
    // SAFETY: reads the slice, and writes to the buffer that the other process named for it.
    unsafe { libc::process_vm_writev(thread, &raw const local, 1, &raw const remote, 1, 0) };
}

fn part(start: *mut u8, length: usize) -> libc::iovec {
    libc::iovec {
        iov_base: start.cast(),
        iov_len: length,
    }
}

fn there(address: u64, length: usize) -> libc::iovec {
    let address = usize::try_from(address).unwrap_or(0);
    part(ptr::without_provenance_mut(address), length)
}
