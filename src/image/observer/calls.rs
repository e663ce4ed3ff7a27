//! Which system calls look at or change the file system, and which of their arguments are paths: a table for
//! x86-64. Calls by descriptor are not counted, as opening the file was.

use std::ffi::c_long;

use super::super::inherited::Inherited;

/// What a call does with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// `open` with these flags.
    Open(u64),
    /// `stat`.
    Ask,
    /// `lstat`.
    AskItself,
    /// `readlink`.
    ReadLink,
    /// `access`, `chdir`: whether it exists and is permitted.
    Try,
    /// Creates, changes or removes it; success tells whether it existed.
    Change,
    /// Replaces it, whether it existed or not.
    Replace,
}

/// A path among the arguments of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// The descriptor of the folder that it is relative to; the working directory's where the call
    /// takes none.
    pub(super) folder: i32,
    /// Its address.
    pub(super) path: u64,
    pub(super) act: Act,
}

/// Other calls that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    /// The entries of a folder are read.
    List(i32),
    /// A descriptor is closed.
    Close(i32),
    /// Random bytes are drawn.
    Draw,
    /// An inherited attribute is read.
    Inherited(Inherited),
    /// The process does something unobservable, or sets state that cannot be read later.
    Hidden(Hidden),
}

/// What cannot be observed, or cannot be read later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hidden {
    /// System calls through io_uring.
    Ring = 1,
    /// Which files and ports it may use (landlock).
    Landlock = 2,
    /// Which process may trace it.
    Observer = 3,
    /// Its segment table.
    Segments = 4,
    /// Syscall user dispatch.
    Dispatch = 5,
    /// The kernel's record of its memory layout.
    Layout = 6,
    /// I/O ports.
    Ports = 7,
    /// The NUMA memory policy.
    Policy = 8,
    /// Kernel keyrings.
    Keys = 9,
    /// Memory barriers in other threads.
    Barriers = 10,
    /// Guard pages.
    Guards = 11,
    /// Locking of future memory.
    Locks = 12,
}

impl Hidden {
    const ALL: [Self; 12] = [
        Self::Ring,
        Self::Landlock,
        Self::Observer,
        Self::Segments,
        Self::Dispatch,
        Self::Layout,
        Self::Ports,
        Self::Policy,
        Self::Keys,
        Self::Barriers,
        Self::Guards,
        Self::Locks,
    ];

    /// The one with that number.
    #[must_use]
    pub fn of(number: u64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|hidden| *hidden as u64 == number)
    }

    /// What loading does, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Ring => "makes system calls through io_uring, which cannot be observed",
            Self::Landlock => "restricts its own access (landlock)",
            Self::Observer => "sets which process may trace it (prctl)",
            Self::Segments => "changes its segment table (modify_ldt)",
            Self::Dispatch => "turns on syscall user dispatch (prctl)",
            Self::Layout => "changes the kernel's record of its memory layout (prctl)",
            Self::Ports => "asks for access to I/O ports (ioperm, iopl)",
            Self::Policy => "sets a NUMA memory policy (set_mempolicy)",
            Self::Guards => "installs guard pages (madvise)",
            Self::Locks => "locks memory (mlockall)",
            Self::Keys => "uses kernel keyrings (keyctl)",
            Self::Barriers => "registers for memory barriers (membarrier)",
        }
    }
}

/// A call in the observer's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    One(Named),
    Two(Named, Named),
    Other(Other),
    None,
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a register's lower half is what the kernel takes for a descriptor"
)]
fn descriptor(argument: u64) -> i32 {
    argument as u32 as i32
}

fn at(folder: u64, path: u64, act: Act) -> Call {
    Call::One(Named {
        folder: descriptor(folder),
        path,
        act,
    })
}

fn here(path: u64, act: Act) -> Call {
    Call::One(Named {
        folder: libc::AT_FDCWD,
        path,
        act,
    })
}

/// A call with two paths: a rename or a link.
fn both(one: (u64, u64), other: (u64, u64), act: Act) -> Call {
    let named = |(folder, path), act| Named {
        folder: descriptor(folder),
        path,
        act,
    };
    Call::Two(named(one, Act::Change), named(other, act))
}

fn nofollow(flags: u64) -> Act {
    if flags & u64::from(libc::AT_SYMLINK_NOFOLLOW.cast_unsigned()) == 0 {
        Act::Ask
    } else {
        Act::AskItself
    }
}

fn hidden(what: Hidden) -> Call {
    Call::Other(Other::Hidden(what))
}

/// `MADV_GUARD_INSTALL` (asm-generic/mman-common.h, Linux 6.13)
const GUARD_INSTALL: u64 = 102;
/// `GRND_INSECURE` (linux/random.h)
const INSECURE: u64 = 4;
/// linux/prctl.h
const SET_SYSCALL_USER_DISPATCH: i32 = 59;

/// The working directory, as a folder's descriptor.
const HERE: u64 = libc::AT_FDCWD.cast_unsigned() as u64;

/// What a call of that number with those arguments does.
pub(super) fn call(number: u64, arguments: [u64; 6]) -> Call {
    let [a, b, c, d, ..] = arguments;
    let Ok(number) = c_long::try_from(number) else {
        return Call::None;
    };
    match number {
        libc::SYS_open => here(a, Act::Open(b)),
        libc::SYS_openat => at(a, b, Act::Open(c)),
        // The flags are in a structure: it is taken for an `open` for reading and writing both.
        libc::SYS_openat2 => at(a, b, Act::Open(libc::O_RDWR.cast_unsigned().into())),
        libc::SYS_creat => here(a, Act::Open(libc::O_WRONLY.cast_unsigned().into())),
        libc::SYS_stat | libc::SYS_getxattr | libc::SYS_listxattr => here(a, Act::Ask),
        libc::SYS_lstat | libc::SYS_lgetxattr | libc::SYS_llistxattr => here(a, Act::AskItself),
        libc::SYS_newfstatat => at(a, b, nofollow(d)),
        libc::SYS_statx => at(a, b, nofollow(c)),
        libc::SYS_name_to_handle_at => at(a, b, Act::AskItself),
        libc::SYS_readlink => here(a, Act::ReadLink),
        libc::SYS_readlinkat => at(a, b, Act::ReadLink),
        libc::SYS_access | libc::SYS_chdir | libc::SYS_chroot | libc::SYS_statfs => {
            here(a, Act::Try)
        }
        libc::SYS_faccessat | libc::SYS_faccessat2 => at(a, b, Act::Try),
        libc::SYS_mkdir
        | libc::SYS_mknod
        | libc::SYS_truncate
        | libc::SYS_chmod
        | libc::SYS_chown
        | libc::SYS_lchown
        | libc::SYS_utime
        | libc::SYS_utimes
        | libc::SYS_setxattr
        | libc::SYS_lsetxattr
        | libc::SYS_unlink
        | libc::SYS_rmdir => here(a, Act::Change),
        libc::SYS_mkdirat
        | libc::SYS_mknodat
        | libc::SYS_fchmodat
        | libc::SYS_fchownat
        | libc::SYS_futimesat
        | libc::SYS_utimensat
        | libc::SYS_unlinkat => at(a, b, Act::Change),
        libc::SYS_rename => both((HERE, a), (HERE, b), Act::Replace),
        libc::SYS_renameat => both((a, b), (c, d), Act::Replace),
        libc::SYS_renameat2 if arguments[4] == 0 => both((a, b), (c, d), Act::Replace),
        libc::SYS_link => both((HERE, a), (HERE, b), Act::Change),
        libc::SYS_renameat2 | libc::SYS_linkat => both((a, b), (c, d), Act::Change),
        libc::SYS_symlink => here(b, Act::Change),
        libc::SYS_symlinkat => at(b, c, Act::Change),
        libc::SYS_getdents | libc::SYS_getdents64 => Call::Other(Other::List(descriptor(a))),
        libc::SYS_close => Call::Other(Other::Close(descriptor(a))),
        // Bytes that are drawn with GRND_INSECURE are not secret (keys of hash tables).
        libc::SYS_getrandom if c & INSECURE == 0 => Call::Other(Other::Draw),
        libc::SYS_umask => Call::Other(Other::Inherited(Inherited::Umask)),
        // Setting counts as reading: a value that loading sets may equal the maker's by chance.
        libc::SYS_getrlimit | libc::SYS_setrlimit => {
            Call::Other(Other::Inherited(Inherited::Limit(a)))
        }
        // The C library asks for the room of its stack, which a restored process has of its own.
        libc::SYS_prlimit64 if c != 0 || b != u64::from(libc::RLIMIT_STACK) => {
            Call::Other(Other::Inherited(Inherited::Limit(b)))
        }
        libc::SYS_getpriority | libc::SYS_setpriority => {
            Call::Other(Other::Inherited(Inherited::Priority))
        }
        libc::SYS_sched_getaffinity | libc::SYS_sched_setaffinity => {
            Call::Other(Other::Inherited(Inherited::Processors))
        }
        libc::SYS_io_uring_setup => hidden(Hidden::Ring),
        libc::SYS_landlock_restrict_self => hidden(Hidden::Landlock),
        libc::SYS_modify_ldt if a != 0 => hidden(Hidden::Segments),
        // `mbind` for single mappings, as OpenBLAS does, is ignored: it only affects speed.
        libc::SYS_set_mempolicy => hidden(Hidden::Policy),
        libc::SYS_mlockall => hidden(Hidden::Locks),
        libc::SYS_keyctl | libc::SYS_add_key | libc::SYS_request_key => hidden(Hidden::Keys),
        libc::SYS_madvise if c == GUARD_INSTALL => hidden(Hidden::Guards),
        // 0 is a query.
        libc::SYS_membarrier if a != 0 => hidden(Hidden::Barriers),
        libc::SYS_ioperm | libc::SYS_iopl => hidden(Hidden::Ports),
        libc::SYS_prctl => match i32::try_from(a) {
            Ok(libc::PR_SET_PTRACER) => hidden(Hidden::Observer),
            Ok(libc::PR_SET_MM) => hidden(Hidden::Layout),
            Ok(SET_SYSCALL_USER_DISPATCH) => hidden(Hidden::Dispatch),
            _ => Call::None,
        },
        _ => Call::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_a_path_is_not_counted() {
        let number = u64::try_from(libc::SYS_fstat).expect("a number");
        assert_eq!(call(number, [3, 1, 0, 0, 0, 0]), Call::None);
        assert_eq!(call(u64::MAX, [0; 6]), Call::None);
    }

    #[test]
    fn flags_say_whether_a_link_is_followed() {
        let number = u64::try_from(libc::SYS_newfstatat).expect("a number");
        let ask = |flags: i32| match call(number, [5, 9, 0, u64::from(flags.cast_unsigned()), 0, 0])
        {
            Call::One(Named { folder, path, act }) => (folder, path, act),
            other => panic!("{other:?}"),
        };
        assert_eq!(ask(0), (5, 9, Act::Ask));
        assert_eq!(ask(libc::AT_SYMLINK_NOFOLLOW), (5, 9, Act::AskItself));
    }
}
