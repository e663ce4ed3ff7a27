//! Whether an image is of this machine, this user and these files, as they are now. Each check
//! is one pass over a list.

use std::ffi::{CString, OsStr};
use std::fs::FileType;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirEntryExt;
use std::path::Path;
use std::sync::OnceLock;

use super::arch;
use super::format::{Folder, Head, How, Stamp, sum};
use super::inherited::Inherited;
use exchange::{MetaVariables, is_of_a_request};

/// Why an image is not used.
#[derive(Debug, PartialEq, Eq)]
pub struct Stale {
    /// In words.
    pub reason: String,
    /// Whether it is the request's surroundings that differ, so that the next may find it fresh.
    pub is_passing: bool,
}

impl Stale {
    fn of(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_passing: false,
        }
    }

    fn variable(name: &[u8], how: &str) -> Self {
        Self {
            reason: format!("the variable {} {how}", name.escape_ascii()),
            is_passing: true,
        }
    }

    fn changed(path: &[u8]) -> Self {
        Self::of(format!("`{}` has changed", path.escape_ascii()))
    }
}

/// Whether everything that an image rests on is as it was.
pub fn check(
    head: &Head,
    identity: &[u8],
    now: u64,
    environment: &MetaVariables,
) -> Result<(), Stale> {
    if head.identity != identity {
        return Err(Stale::of("it is another application's"));
    }
    if head.machine != machine() {
        return Err(Stale::of("the machine was started anew, or is another"));
    }
    // One from the future is of a clock that was wrong.
    if now.abs_diff(head.made) > head.max_age {
        return Err(Stale::of("it is too old"));
    }
    check_variables(head, environment)?;
    for (number, value) in &head.inherited {
        let what = Inherited::of(*number);
        if what.is_none_or(|what| what.value() != *value) {
            let what = what.map_or("something", Inherited::name);
            return Err(Stale {
                reason: format!("{what} is another, and loading asks for it"),
                is_passing: true,
            });
        }
    }
    for (path, stamp) in &head.files {
        // One that was looked for and not there is all zeros.
        if stamp_of(path).unwrap_or_default() != *stamp {
            return Err(Stale::changed(path));
        }
    }
    for look in &head.looks {
        if look_at(&look.path, look.how) != look.stamp {
            return Err(Stale::changed(&look.path));
        }
    }
    for folder in &head.folders {
        let stamp = stamp_of(&folder.path).unwrap_or_default();
        if stamp != folder.stamp && list(folder.path.clone()).sum(folder.whole) != folder.names {
            return Err(Stale::of(format!(
                "the folder `{}` has changed",
                folder.path.escape_ascii()
            )));
        }
    }
    Ok(())
}

/// What is watched, a line each.
#[must_use]
pub fn watched(head: &Head) -> Vec<String> {
    let line = |what: &str, path: &[u8]| format!("watch  {what:<8} {}", path.escape_ascii());
    let looks = head.looks.iter().map(|look| {
        let what = match look.how {
            How::Whole => "file",
            How::Link => "link",
            How::Kind | How::LinkKind => "kind",
        };
        line(what, &look.path)
    });
    let files = head.files.iter().map(|(path, _)| line("content", path));
    let folders = head.folders.iter().map(|folder| {
        let what = if folder.whole { "names" } else { "modules" };
        line(what, &folder.path)
    });
    files.chain(looks).chain(folders).collect()
}

fn check_variables(head: &Head, environment: &MetaVariables) -> Result<(), Stale> {
    for (name, value) in &head.variables {
        if environment.value(name).map(digest) != *value {
            return Err(Stale::variable(name, "has changed"));
        }
    }
    for (name, _) in environment.iter() {
        if is_watched(name) && !head.variables.iter().any(|(known, _)| known == name) {
            return Err(Stale::variable(name, "is new"));
        }
    }
    if head.names != 0 && head.names != sum_of_names(environment.iter().map(|(name, _)| name)) {
        return Err(Stale {
            reason: "there are other variables, and loading goes through all of them".into(),
            is_passing: true,
        });
    }
    Ok(())
}

/// A sum of the names that are no request's, in whatever order they come.
#[must_use]
pub fn sum_of_names<'a>(names: impl Iterator<Item = &'a [u8]>) -> u64 {
    names
        .filter(|name| is_of_neither(name))
        .fold(1, |total, name| total.wrapping_add(sum(name) | 1))
}

/// Variables that something in C may read, whatever Python reads.
const WATCHED: [&str; 11] = [
    "GLIBC_TUNABLES",
    "LANG",
    "LC_",
    "LD_",
    "MALLOC_",
    "OMP_",
    "OPENBLAS_",
    "OPENSSL_",
    "PYTHON",
    "SSL_CERT_",
    "TZ",
];

fn is_watched(name: &[u8]) -> bool {
    // Apache's own renaming; a client's header has `HTTP_` before whatever it says.
    let mut setting = name;
    while let Some(shorter) = setting.strip_prefix(b"REDIRECT_") {
        setting = shorter;
    }
    setting.starts_with(b"WSGI_CGI_")
        || setting == b"VIRTUAL_ENV"
        || WATCHED
            .iter()
            .any(|start| name.starts_with(start.as_bytes()))
}

/// Variables that the server says of itself or of where the script lies, the same for every request;
/// a client's word is in none of them.
const OF_THE_SERVER: [&[u8]; 7] = [
    b"CONTEXT_DOCUMENT_ROOT",
    b"CONTEXT_PREFIX",
    b"GATEWAY_INTERFACE",
    b"SCRIPT_FILENAME",
    b"SERVER_ADDR",
    b"SERVER_ADMIN",
    b"SERVER_SOFTWARE",
];

/// Whether a variable is no request's, as far as its name tells. Apache's modules and nginx
/// have some of their own; the proxy for HTTPS is a setting, and no header of a client's is called so.
#[must_use]
pub fn is_of_the_surroundings(name: &[u8]) -> bool {
    let of_a_request = [
        &b"CONTEXT_"[..],
        b"DOCUMENT_NAME",
        b"DOCUMENT_PATH_INFO",
        b"DOCUMENT_URI",
        b"H2_",
        b"HTTP2",
        b"SSL_",
        b"UNIQUE_ID",
    ];
    let is_renamed = name.starts_with(b"REDIRECT_");
    is_watched(name)
        || OF_THE_SERVER.contains(&name)
        || name == b"HTTPS_PROXY"
        || !is_of_a_request(name)
            && !is_renamed
            && !of_a_request.iter().any(|start| name.starts_with(start))
}

/// Whether a variable is neither a request's nor the server's own, which whoever makes an image ahead
/// does not know.
#[must_use]
pub fn is_of_neither(name: &[u8]) -> bool {
    is_of_the_surroundings(name) && !OF_THE_SERVER.contains(&name)
}

/// What the process that loads an application is given unasked: what something in C may read without
/// asking, and what a program needs to find others and the user's files.
#[must_use]
pub fn is_given_unasked(name: &[u8]) -> bool {
    let basic = [
        &b"HOME"[..],
        b"LOGNAME",
        b"PATH",
        b"SHELL",
        b"TMPDIR",
        b"USER",
        b"XDG_CACHE_HOME",
    ];
    is_watched(name) || basic.contains(&name)
}

/// Stands for a variable's value, which may be a visitor's word and is in no file.
fn digest(value: &[u8]) -> Vec<u8> {
    let backwards: Vec<u8> = value.iter().rev().copied().collect();
    [sum(value), sum(&backwards)].map(u64::to_le_bytes).concat()
}

/// The variables that an image rests on, with what stands for their values: those that were read, and those of the C library's.
#[must_use]
pub fn variables(read: &[Vec<u8>], environment: &MetaVariables) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let watched = environment.iter().map(|(name, _)| name);
    let mut names: Vec<&[u8]> = watched.filter(|name| is_watched(name)).collect();
    names.extend(read.iter().map(Vec::as_slice));
    names.sort_unstable();
    names.dedup();
    let value = |name: &[u8]| environment.value(name).map(digest);
    names
        .into_iter()
        .map(|name| (name.to_vec(), value(name)))
        .collect()
}

/// Boot, kernel, name, processor, user and groups. The processor is asked once: in a virtual machine
/// each answer takes its time.
#[must_use]
pub fn machine() -> Vec<u8> {
    static MACHINE: OnceLock<Vec<u8>> = OnceLock::new();
    MACHINE.get_or_init(look_at_machine).clone()
}

fn look_at_machine() -> Vec<u8> {
    let mut machine = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let kernel = rustix::system::uname();
    machine.extend_from_slice(kernel.release().to_bytes());
    machine.extend_from_slice(kernel.version().to_bytes());
    machine.extend_from_slice(kernel.nodename().to_bytes());
    machine.push(0);
    let groups = rustix::process::getgroups().unwrap_or_default();
    for number in [
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw(),
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    ]
    .into_iter()
    .chain(groups.into_iter().map(rustix::process::Gid::as_raw))
    {
        machine.extend_from_slice(&number.to_le_bytes());
    }
    for number in arch::features() {
        machine.extend_from_slice(&number.to_le_bytes());
    }
    machine
}

/// Now, as files are stamped.
#[must_use]
pub fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    time(now.tv_sec, now.tv_nsec.cast_unsigned())
}

/// The variables that are no request's: those of a request are never in an image.
#[must_use]
pub fn outside(variables: &MetaVariables) -> MetaVariables {
    let kept = variables
        .iter()
        .filter(|(name, _)| is_of_the_surroundings(name))
        .map(|(name, value)| (name.to_vec(), value.to_vec()));
    MetaVariables::from_pairs(kept)
}

/// Nanoseconds fit into 30 bits.
#[must_use]
pub fn time(seconds: i64, nanoseconds: u64) -> u64 {
    seconds.cast_unsigned() << 30 | nanoseconds
}

/// A file as it is now.
#[must_use]
pub fn stamp_of(path: &[u8]) -> Option<Stamp> {
    let path = CString::new(path).ok()?;
    let stat = rustix::fs::stat(&path).ok()?;
    Some(stamp(&stat))
}

/// What counts of a path, as it is now.
#[must_use]
pub fn look_at(path: &[u8], how: How) -> Stamp {
    let Ok(path) = CString::new(path) else {
        return Stamp::default();
    };
    let found = match how {
        How::Whole | How::Kind => rustix::fs::stat(&path),
        How::Link | How::LinkKind => rustix::fs::lstat(&path),
    };
    match (found, how) {
        (Err(_), _) => Stamp::default(),
        (Ok(stat), How::Whole | How::Link) => stamp(&stat),
        (Ok(stat), How::Kind | How::LinkKind) => Stamp {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::from(stat.st_mode),
            modified: u64::from(stat.st_uid),
            changed: u64::from(stat.st_gid),
        },
    }
}

/// The same from what the kernel says.
#[must_use]
pub fn stamp(stat: &rustix::fs::Stat) -> Stamp {
    Stamp {
        device: stat.st_dev,
        inode: stat.st_ino,
        size: stat.st_size.cast_unsigned(),
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
        changed: time(stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// A folder as it was listed, both ways to look at it.
#[derive(Debug)]
pub struct Listed {
    /// Its absolute path.
    pub path: Vec<u8>,
    stamp: Stamp,
    all: u64,
    importable: u64,
}

impl Listed {
    /// What an image rests on.
    #[must_use]
    pub fn folder(self, whole: bool) -> Folder {
        Folder {
            names: self.sum(whole),
            stamp: self.stamp,
            path: self.path,
            whole,
        }
    }

    fn sum(&self, whole: bool) -> u64 {
        if whole { self.all } else { self.importable }
    }
}

/// Lists a folder, in whatever order its names come.
#[must_use]
pub fn list(path: Vec<u8>) -> Listed {
    let before = stamp_of(&path).unwrap_or_default();
    // What changes it in the same instant may leave its time as it is: then it is always listed.
    let is_at_rest = before.changed + (1 << 30) < now();
    let mut listed = Listed {
        stamp: if is_at_rest { before } else { Stamp::default() },
        all: 0,
        importable: 0,
        path,
    };
    let entries = std::fs::read_dir(Path::new(OsStr::from_bytes(&listed.path)));
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let sum = sum(name.as_bytes()) | 1;
        let kind = entry.file_type();
        let is_file = kind.as_ref().is_ok_and(FileType::is_file);
        let about = number_of(kind.ok()).wrapping_add(entry.ino() << 3) | 1;
        listed.all = listed.all.wrapping_add(sum.wrapping_mul(about));
        if can_be_imported(name.as_bytes(), is_file) {
            listed.importable = listed.importable.wrapping_add(sum);
        }
    }
    listed
}

/// A listing tells of each entry its number, and whether it is a file, a folder or a link.
fn number_of(kind: Option<FileType>) -> u64 {
    match kind {
        Some(kind) if kind.is_file() => 1,
        Some(kind) if kind.is_dir() => 3,
        Some(kind) if kind.is_symlink() => 5,
        _ => 7,
    }
}

fn can_be_imported(name: &[u8], is_file: bool) -> bool {
    let ends = [
        &b".py"[..],
        b".pyc",
        b".so",
        b".pth",
        b".zip",
        b".dist-info",
        b".egg-info",
        b".egg-link",
        b".egg",
    ];
    let is_package = !is_file && !name.contains(&b'.') && name != b"__pycache__";
    is_package || ends.iter().any(|end| name.ends_with(end))
}
