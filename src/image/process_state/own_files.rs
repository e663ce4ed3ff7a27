//! State that the kernel shows in `/proc/self`, and the standard descriptors.

use std::ffi::CStr;
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Some lines of `/proc/self/status`.
pub(super) fn status(names: &[&str]) -> Vec<u8> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_wanted = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        names.contains(&name)
    };
    let lines: Vec<&str> = status.lines().filter(is_wanted).collect();
    lines.join("\n").into()
}

/// A whole file.
pub(super) fn content(name: &str) -> Vec<u8> {
    fs::read(Path::new("/proc/self").join(name)).unwrap_or_default()
}

/// Writes to such a file. Safe in a signal handler.
pub(super) fn write(path: &CStr, value: &[u8]) -> bool {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
    file.is_ok_and(|file| rustix::io::write(&file, value).is_ok())
}

/// Device and inode of a folder.
pub(super) fn place(path: &str) -> Vec<u8> {
    let about = fs::metadata(path).map_or((0, 0), |about| (about.dev(), about.ino()));
    [about.0, about.1].map(u64::to_le_bytes).concat()
}

/// The namespaces, in the order of their names.
pub(super) fn namespaces() -> Vec<u8> {
    let entries = fs::read_dir("/proc/self/ns")
        .into_iter()
        .flatten()
        .flatten();
    let mut links: Vec<Vec<u8>> = entries
        .filter_map(|entry| {
            Some(
                fs::read_link(entry.path())
                    .ok()?
                    .into_os_string()
                    .into_vec(),
            )
        })
        .collect();
    links.sort_unstable();
    links.concat()
}

/// The child processes that run or have not been waited for.
pub(super) fn children() -> Vec<u8> {
    let tasks = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let lists = tasks.filter_map(|task| fs::read(task.path().join("children")).ok());
    let mut children: Vec<u8> = lists.flatten().collect();
    let mut about = MaybeUninit::<libc::siginfo_t>::zeroed();
    let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the call fills it in, and leaves the child to be waited for (WNOWAIT).
    let is_one = unsafe {
        libc::waitid(libc::P_ALL, 0, about.as_mut_ptr(), how) == 0
            && about.assume_init().si_pid() != 0
    };
    children.push(u8::from(is_one));
    children
}

/// The file that a descriptor leads to, its flags, and whether it is closed on exec.
pub(super) fn descriptor(number: i32) -> Vec<u8> {
    let mut about = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: these ask about a number; the structure is filled in where something is open, and zeros
    // are a value of it.
    unsafe {
        libc::fstat(number, about.as_mut_ptr());
        let about = about.assume_init();
        let flags = libc::fcntl(number, libc::F_GETFL);
        let own = libc::fcntl(number, libc::F_GETFD);
        let numbers = [about.st_dev, about.st_ino, about.st_rdev].map(u64::to_le_bytes);
        let flags = [flags, own].map(i32::to_le_bytes);
        [numbers.concat(), flags.concat()].concat()
    }
}
