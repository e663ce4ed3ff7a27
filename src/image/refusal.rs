//! Obstacles to an image: what cannot be restored (threads, timers, sockets), and files that another process
//! could change meanwhile.

use std::ffi::CString;
use std::fs;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::fs::{FileType, OFlags};

use super::database;
use super::format::Opened;

/// The device files that can be opened again. Random devices are not: data that was read ahead from them would
/// be the same in each restored process.
const DEVICES: [&str; 3] = ["/dev/null", "/dev/zero", "/dev/full"];

/// Refuses a process with threads, timers or a shadow stack.
///
/// # Errors
/// Names what it has.
pub fn refuse_threads_and_timers() -> Result<()> {
    refuse_threads()?;
    refuse_timers()?;
    let status = fs::read_to_string("/proc/self/status").context("/proc/self/status")?;
    let features = status
        .lines()
        .find_map(|line| line.strip_prefix("x86_Thread_features:"));
    if features.is_some_and(|features| features.contains("shstk")) {
        bail!("this process has a shadow stack (CET), which cannot be restored");
    }
    Ok(())
}

fn refuse_threads() -> Result<()> {
    let threads = fs::read_dir("/proc/self/task").context("/proc/self/task")?;
    match threads.count() {
        1 => Ok(()),
        count => bail!(
            "while loading, the application started {} threads, which cannot be restored: start them when the \
             first request needs them",
            count - 1
        ),
    }
}

fn refuse_timers() -> Result<()> {
    // Timers made with timer_create; not every kernel lists them.
    let timers = fs::read_to_string("/proc/self/timers").unwrap_or_default();
    let is_running = [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL, libc::ITIMER_PROF]
        .into_iter()
        .any(|which| {
            // SAFETY: what is all zeros is a value; the call writes into it.
            let timer = unsafe {
                let mut timer: libc::itimerval = std::mem::zeroed();
                libc::getitimer(which, &raw mut timer);
                timer
            };
            timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0
        });
    if is_running || !timers.is_empty() {
        bail!(
            "while loading, the application started a timer, which cannot be restored: start it when the first \
             request needs it"
        );
    }
    Ok(())
}

/// The files that are open beyond the standard ones, where each can be opened again as it is: for
/// reading, and unchanged; or for appending; or as an idle one of these `databases`.
///
/// # Errors
/// Names the first that cannot, and the module of the application that opened it.
pub fn opened(
    own: &[i32],
    writers: &[(Vec<u8>, String)],
    databases: &[Vec<u8>],
) -> Result<Vec<Opened>> {
    let mut opened = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").context("/proc/self/fd")? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(target) = fs::read_link(entry.path()) else {
            continue;
        };
        let is_listing = target.starts_with("/proc/") && target.ends_with("fd");
        if number <= 2 || is_listing || own.contains(&number) {
            continue;
        }
        let is_idle = databases
            .iter()
            .any(|path| path == target.as_os_str().as_bytes());
        let Some(file) = reopened(number, &target, is_idle)? else {
            let by = writers
                .iter()
                .find(|(path, _)| path == target.as_os_str().as_bytes())
                .map(|(_, module)| format!(" (in `{module}`)"));
            bail!(
                "while loading, the application left {} open{}, and another process may change it \
                 meanwhile: open it when the first request needs it, or close it at the end of loading",
                shown(number, &target),
                by.unwrap_or_default()
            );
        };
        opened.push(file);
    }
    refuse_shared(&opened)?;
    Ok(opened)
}

/// Refuses duplicated descriptors (`dup`): they share a file position, which opening again does not restore.
fn refuse_shared(opened: &[Opened]) -> Result<()> {
    /// `KCMP_FILE` (kcmp(2))
    const FILE: i32 = 0;
    let this = rustix::process::getpid().as_raw_nonzero().get();
    let numbers: Vec<u64> = (0..3)
        .chain(opened.iter().map(|file| file.number))
        .collect();
    for (place, file) in opened.iter().enumerate() {
        for &other in &numbers[..place + 3] {
            // SAFETY: compares two numbers.
            let compared =
                unsafe { libc::syscall(libc::SYS_kcmp, this, this, FILE, file.number, other) };
            // Where kcmp is forbidden, two descriptors of the same file count as duplicated.
            let is_one = compared == 0
                || compared < 0
                    && opened.iter().any(|one| {
                        one.number == other && (one.device, one.inode) == (file.device, file.inode)
                    });
            if is_one {
                bail!(
                    "while loading, the application duplicated a descriptor of `{}` ({} and {other}): both share a \
                     file position, which cannot be restored: open the file twice, or close one",
                    file.path.escape_ascii(),
                    file.number
                );
            }
        }
    }
    Ok(())
}

fn reopened(number: i32, path: &Path, is_idle: bool) -> Result<Option<Opened>> {
    // SAFETY: it has just been listed, and nothing closes it meanwhile.
    let file = unsafe { BorrowedFd::borrow_raw(number) };
    let about = rustix::fs::fstat(file)?;
    let flags = rustix::fs::fcntl_getfl(file)?;
    let name = CString::new(path.as_os_str().as_bytes())?;
    let found = rustix::fs::stat(&name)
        .is_ok_and(|found| (found.st_dev, found.st_ino) == (about.st_dev, about.st_ino));
    let access = flags & OFlags::RWMODE;
    // A database that is created again may get the inode of the one before.
    let born = if is_idle { database::born(file) } else { None };
    let can_be = match FileType::from_raw_mode(about.st_mode) {
        FileType::RegularFile => {
            access == OFlags::RDONLY
                || access == OFlags::WRONLY && flags.contains(OFlags::APPEND)
                || access == OFlags::RDWR && born.is_some()
        }
        FileType::Directory => true,
        FileType::CharacterDevice => DEVICES.iter().any(|device| path == Path::new(device)),
        _ => false,
    };
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
    if !found || !can_be || info.lines().any(|line| line.starts_with("lock:")) {
        return Ok(None);
    }
    let is_database = access == OFlags::RDWR && born.is_some();
    let kept = OFlags::RWMODE | OFlags::APPEND | OFlags::DIRECTORY | OFlags::NONBLOCK;
    let on_exec = rustix::io::fcntl_getfd(file)?;
    Ok(Some(Opened {
        number: u64::try_from(number)?,
        path: name.into_bytes(),
        flags: u64::from((flags & kept).bits()),
        close_on_exec: on_exec.contains(rustix::io::FdFlags::CLOEXEC),
        position: rustix::fs::tell(file).unwrap_or(0),
        device: about.st_dev,
        inode: about.st_ino,
        born: if is_database { born.unwrap_or(0) } else { 0 },
        written: if is_database {
            database::written(&about)
        } else {
            0
        },
        state: if is_database {
            database::state(file).unwrap_or(0)
        } else {
            0
        },
    }))
}

/// The files that are open for reading: they may be read further, so their content counts.
pub fn read_on(opened: &[Opened]) -> impl Iterator<Item = Vec<u8>> {
    let is_read = |file: &&Opened| {
        let path = CString::new(file.path.as_slice());
        let about = path.ok().and_then(|path| rustix::fs::stat(&path).ok());
        let is_regular = about
            .is_some_and(|about| FileType::from_raw_mode(about.st_mode) == FileType::RegularFile);
        is_regular && file.flags & u64::from(OFlags::RWMODE.bits()) == 0
    };
    opened.iter().filter(is_read).map(|file| file.path.clone())
}

/// A descriptor in words.
fn shown(number: i32, target: &Path) -> String {
    // SAFETY: as above.
    let file = unsafe { BorrowedFd::borrow_raw(number) };
    if !target.as_os_str().as_bytes().starts_with(b"socket:") {
        return format!("`{}`", target.display());
    }
    match rustix::net::getpeername(file) {
        Ok(Some(peer)) => match std::net::SocketAddr::try_from(peer) {
            Ok(peer) => format!("a connection to {peer}"),
            Err(_) => "a connection to a process on this machine".into(),
        },
        _ => "a socket".into(),
    }
}
