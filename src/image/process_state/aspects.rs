//! The table of what is taken down: how each is read, and whether and how it is put back. What comes
//! later in the table is put back later: what would stand in another's way comes last.

use std::ffi::{CStr, c_int, c_ulong};
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use super::{enrolled, own_files};
use crate::inherited::Inherited;

/// One thing that the kernel keeps.
pub(super) struct Aspect {
    /// In words.
    pub(super) name: &'static str,
    pub(super) read: fn() -> Vec<u8>,
    pub(super) way: Way,
}

/// What can be done about a change.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// This makes it so; false where that failed.
    PutBack(fn(&[u8]) -> bool),
    /// Nothing.
    Obstacle,
}

use Way::{Obstacle, PutBack};

/// What each process has of its own, whatever it was given.
pub(super) const FOLDER: &str = "the working directory";
pub(super) const NAME: &str = "the name of the process";

const fn aspect(name: &'static str, read: fn() -> Vec<u8>, way: Way) -> Aspect {
    Aspect { name, read, way }
}

/// A value of `prctl` that is read by one option and set by another.
macro_rules! control {
    ($name:literal, $get:expr, $set:expr) => {
        aspect(
            $name,
            || get_control($get),
            PutBack(|value| set_control($set, value)),
        )
    };
}

/// A value of `prctl` that is handed over through a pointer.
macro_rules! control_at {
    ($name:literal, $get:expr, $way:expr) => {
        aspect($name, || get_control_at($get), $way)
    };
}

/// A resource limit.
macro_rules! limit {
    ($name:literal, $which:expr) => {
        aspect(
            $name,
            || Inherited::Limit($which.into()).value(),
            PutBack(|value| set_limit($which, value)),
        )
    };
}

pub(super) static ASPECTS: [Aspect; 63] = [
    aspect(FOLDER, folder, PutBack(set_folder)),
    aspect("the umask", || Inherited::Umask.value(), PutBack(set_umask)),
    limit!("the limit on CPU time", libc::RLIMIT_CPU),
    limit!("the limit on the size of files", libc::RLIMIT_FSIZE),
    limit!("the limit on data", libc::RLIMIT_DATA),
    // The room of a restored stack is fixed before.
    aspect(
        "the limit on the stack",
        || Inherited::Limit(libc::RLIMIT_STACK.into()).value(),
        Obstacle,
    ),
    limit!("the limit on core files", libc::RLIMIT_CORE),
    limit!("the limit on resident memory", libc::RLIMIT_RSS),
    limit!("the limit on processes", libc::RLIMIT_NPROC),
    limit!("the limit on open files", libc::RLIMIT_NOFILE),
    limit!("the limit on locked memory", libc::RLIMIT_MEMLOCK),
    limit!("the limit on addresses", libc::RLIMIT_AS),
    limit!("the limit on file locks", libc::RLIMIT_LOCKS),
    limit!("the limit on pending signals", libc::RLIMIT_SIGPENDING),
    limit!("the limit on message queues", libc::RLIMIT_MSGQUEUE),
    limit!("the limit on niceness", libc::RLIMIT_NICE),
    limit!("the limit on real-time priority", libc::RLIMIT_RTPRIO),
    limit!("the limit on real-time CPU", libc::RLIMIT_RTTIME),
    aspect(
        "the priority",
        || Inherited::Priority.value(),
        PutBack(set_priority),
    ),
    aspect("the scheduling policy", scheduler, PutBack(set_scheduler)),
    aspect(
        "the list of processors",
        || Inherited::Processors.value(),
        PutBack(set_processors),
    ),
    aspect(
        "the priority of input and output",
        io_priority,
        PutBack(set_io_priority),
    ),
    aspect("the personality", personality, Obstacle),
    aspect("the session", session, Obstacle),
    aspect("the process group", group, Obstacle),
    aspect(
        "user and group",
        || own_files::status(&["Uid", "Gid"]),
        Obstacle,
    ),
    aspect("the groups", || own_files::status(&["Groups"]), Obstacle),
    aspect(
        "the capabilities",
        || own_files::status(&["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]),
        Obstacle,
    ),
    aspect(
        "the filter of system calls",
        || own_files::status(&["Seccomp", "Seccomp_filters"]),
        Obstacle,
    ),
    aspect(
        "the signals that are waiting",
        || own_files::status(&["SigPnd", "ShdPnd"]),
        Obstacle,
    ),
    aspect(
        "the locked memory",
        || own_files::status(&["VmLck"]),
        Obstacle,
    ),
    aspect("the root folder", || own_files::place("/"), Obstacle),
    aspect("the namespaces", own_files::namespaces, Obstacle),
    aspect(
        "the control group",
        || own_files::content("cgroup"),
        Obstacle,
    ),
    aspect("the login", || own_files::content("loginuid"), Obstacle),
    aspect(
        "the security label",
        || own_files::content("attr/current"),
        Obstacle,
    ),
    aspect("the children", own_files::children, Obstacle),
    aspect("standard input", || own_files::descriptor(0), Obstacle),
    aspect("standard output", || own_files::descriptor(1), Obstacle),
    aspect("standard error", || own_files::descriptor(2), Obstacle),
    aspect(
        "the OOM score adjustment",
        || own_files::content("oom_score_adj"),
        PutBack(|value| own_files::write(c"/proc/self/oom_score_adj", value)),
    ),
    aspect(
        "what a core file holds",
        || own_files::content("coredump_filter"),
        PutBack(set_coredump_filter),
    ),
    aspect(
        "the security bits",
        || get_control(libc::PR_GET_SECUREBITS),
        Obstacle,
    ),
    control!(
        "kept capabilities",
        libc::PR_GET_KEEPCAPS,
        libc::PR_SET_KEEPCAPS
    ),
    control!(
        "the slack of timers",
        libc::PR_GET_TIMERSLACK,
        libc::PR_SET_TIMERSLACK
    ),
    control!(
        "huge pages",
        libc::PR_GET_THP_DISABLE,
        libc::PR_SET_THP_DISABLE
    ),
    control_at!(
        "whose orphans it takes",
        libc::PR_GET_CHILD_SUBREAPER,
        PutBack(|value| set_control(libc::PR_SET_CHILD_SUBREAPER, value))
    ),
    control_at!(
        "the signal when its parent ends",
        libc::PR_GET_PDEATHSIG,
        PutBack(|value| set_control(libc::PR_SET_PDEATHSIG, value))
    ),
    control_at!(
        "the clock of the processor",
        libc::PR_GET_TSC,
        PutBack(|value| set_control(libc::PR_SET_TSC, value))
    ),
    aspect(
        "what becomes of it when memory is bad",
        memory_errors,
        Obstacle,
    ),
    aspect("the control of speculation", guesses, Obstacle),
    aspect(
        "code in writable memory",
        || get_control(PR_GET_MDWE),
        Obstacle,
    ),
    aspect(
        "the merging of equal memory",
        || get_control(PR_GET_MEMORY_MERGE),
        Obstacle,
    ),
    aspect(
        "the work for storage",
        || get_control(PR_GET_IO_FLUSHER),
        Obstacle,
    ),
    aspect("the answer of CPUID", answers_cpuid, Obstacle),
    aspect(
        "the units of the processor that it may use",
        enrolled::units,
        PutBack(enrolled::ask_for_units),
    ),
    aspect("its other segment", enrolled::other_segment, Obstacle),
    aspect(
        "the barriers in other threads",
        enrolled::barriers,
        PutBack(enrolled::register_barriers),
    ),
    aspect(NAME, name, PutBack(set_name)),
    aspect(
        "the list of processors for memory",
        || own_files::status(&["Mems_allowed"]),
        Obstacle,
    ),
    control!(
        "whether it may be looked into",
        libc::PR_GET_DUMPABLE,
        libc::PR_SET_DUMPABLE
    ),
    control!(
        "new privileges",
        libc::PR_GET_NO_NEW_PRIVS,
        libc::PR_SET_NO_NEW_PRIVS
    ),
    aspect(
        "the signals that are blocked",
        blocked,
        PutBack(set_blocked),
    ),
];

/// linux/prctl.h, where the C library's header has them not everywhere.
const PR_GET_IO_FLUSHER: c_int = 58;
const PR_GET_MDWE: c_int = 66;
const PR_GET_MEMORY_MERGE: c_int = 68;

fn folder() -> Vec<u8> {
    let path = std::env::current_dir().unwrap_or_default();
    let about = fs::metadata(".").map_or((0, 0), |about| (about.dev(), about.ino()));
    let numbers = [about.0, about.1].map(u64::to_le_bytes).concat();
    // As C has it: it is undone in a signal handler too.
    [&numbers, path.as_os_str().as_bytes(), b"\0"].concat()
}

fn set_folder(value: &[u8]) -> bool {
    let path = value
        .get(16..)
        .and_then(|path| CStr::from_bytes_with_nul(path).ok());
    path.is_some_and(|path| rustix::process::chdir(path).is_ok())
}

fn number(value: &[u8]) -> Option<c_int> {
    Some(c_int::from_le_bytes(value.try_into().ok()?))
}

fn set_umask(value: &[u8]) -> bool {
    let Some(mask) = value.try_into().ok().map(libc::mode_t::from_le_bytes) else {
        return false;
    };
    // SAFETY: takes a number.
    unsafe { libc::umask(mask) };
    true
}

fn set_limit(which: libc::__rlimit_resource_t, value: &[u8]) -> bool {
    let (Some((soft, hard)), true) = (value.split_first_chunk::<8>(), value.len() == 16) else {
        return false;
    };
    let limit = libc::rlimit64 {
        rlim_cur: u64::from_le_bytes(*soft),
        rlim_max: hard.try_into().map_or(0, u64::from_le_bytes),
    };
    // SAFETY: reads the structure.
    unsafe { libc::setrlimit64(which, &raw const limit) == 0 }
}

fn set_priority(value: &[u8]) -> bool {
    // SAFETY: takes numbers.
    number(value)
        .is_some_and(|value| unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) == 0 })
}

fn scheduler() -> Vec<u8> {
    let mut parameters = MaybeUninit::<libc::sched_param>::zeroed();
    // SAFETY: the call fills it in; zeros are a value of it.
    unsafe {
        let policy = libc::sched_getscheduler(0);
        libc::sched_getparam(0, parameters.as_mut_ptr());
        let priority = parameters.assume_init().sched_priority;
        [policy, priority].map(c_int::to_le_bytes).concat()
    }
}

fn set_scheduler(value: &[u8]) -> bool {
    let Some((policy, priority)) = value.split_first_chunk::<4>() else {
        return false;
    };
    let Some(priority) = number(priority) else {
        return false;
    };
    let parameters = libc::sched_param {
        sched_priority: priority,
    };
    // SAFETY: reads the structure.
    unsafe {
        libc::sched_setscheduler(0, c_int::from_le_bytes(*policy), &raw const parameters) == 0
    }
}

fn set_processors(value: &[u8]) -> bool {
    // SAFETY: reads the list.
    unsafe { libc::sched_setaffinity(0, value.len(), value.as_ptr().cast()) == 0 }
}

/// `IOPRIO_WHO_PROCESS`
const THIS: c_int = 1;

fn io_priority() -> Vec<u8> {
    // SAFETY: asks.
    let priority = unsafe { libc::syscall(libc::SYS_ioprio_get, THIS, 0) };
    priority.to_le_bytes().into()
}

fn set_io_priority(value: &[u8]) -> bool {
    let Ok(value) = value.try_into() else {
        return false;
    };
    // SAFETY: takes numbers.
    unsafe { libc::syscall(libc::SYS_ioprio_set, THIS, 0, i64::from_le_bytes(value)) == 0 }
}

fn personality() -> Vec<u8> {
    // SAFETY: this value asks, and changes nothing.
    unsafe { libc::personality(0xffff_ffff) }
        .to_le_bytes()
        .into()
}

fn session() -> Vec<u8> {
    // SAFETY: asks.
    unsafe { libc::getsid(0) }.to_le_bytes().into()
}

fn group() -> Vec<u8> {
    // SAFETY: asks.
    unsafe { libc::getpgrp() }.to_le_bytes().into()
}

fn get_control(option: c_int) -> Vec<u8> {
    const NOTHING: c_ulong = 0;
    // SAFETY: the option asks, and what it answers is its result.
    unsafe { libc::prctl(option, NOTHING, NOTHING, NOTHING, NOTHING) }
        .to_le_bytes()
        .into()
}

fn get_control_at(option: c_int) -> Vec<u8> {
    const NOTHING: c_ulong = 0;
    let mut value: c_int = 0;
    // SAFETY: the option writes a number to where this points.
    unsafe { libc::prctl(option, &raw mut value, NOTHING, NOTHING, NOTHING) };
    value.to_le_bytes().into()
}

fn set_control(option: c_int, value: &[u8]) -> bool {
    const NOTHING: c_ulong = 0;
    let Some(value) = number(value).and_then(|value| c_ulong::try_from(value).ok()) else {
        return false;
    };
    // SAFETY: the option takes a number.
    unsafe { libc::prctl(option, value, NOTHING, NOTHING, NOTHING) == 0 }
}

fn memory_errors() -> Vec<u8> {
    get_control(libc::PR_MCE_KILL_GET)
}

fn guesses() -> Vec<u8> {
    const NOTHING: c_ulong = 0;
    let ask = |which: c_ulong| {
        // SAFETY: asks, for a number.
        unsafe {
            libc::prctl(
                libc::PR_GET_SPECULATION_CTRL,
                which,
                NOTHING,
                NOTHING,
                NOTHING,
            )
        }
    };
    [ask(0), ask(1), ask(2)].map(c_int::to_le_bytes).concat()
}

fn answers_cpuid() -> Vec<u8> {
    /// `ARCH_GET_CPUID` (asm/prctl.h)
    const GET_CPUID: c_ulong = 0x1011;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: asks.
    let answers = unsafe { libc::syscall(libc::SYS_arch_prctl, GET_CPUID, 0) };
    #[cfg(not(target_arch = "x86_64"))]
    let answers = i64::from(GET_CPUID == 0);
    answers.to_le_bytes().into()
}

fn name() -> Vec<u8> {
    let mut name = [0_u8; 16];
    // SAFETY: the option writes sixteen bytes at most.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name.into()
}

fn set_name(value: &[u8]) -> bool {
    // SAFETY: the option reads up to a zero, which these sixteen bytes have, or sixteen bytes.
    value.len() == 16 && unsafe { libc::prctl(libc::PR_SET_NAME, value.as_ptr()) == 0 }
}

fn set_coredump_filter(value: &[u8]) -> bool {
    // It is read in the base that its beginning names.
    let (mut text, digits) = (*b"0x00000000", value.trim_ascii());
    let Some(place) = text
        .len()
        .checked_sub(digits.len())
        .filter(|&place| place >= 2)
    else {
        return false;
    };
    text[place..].copy_from_slice(digits);
    own_files::write(c"/proc/self/coredump_filter", &text)
}

/// As many bytes as the kernel has signals for.
const SIGNALS: usize = 8;

fn blocked() -> Vec<u8> {
    let mut set = [0_u8; SIGNALS];
    // SAFETY: writes so many bytes.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            std::ptr::null::<u8>(),
            set.as_mut_ptr(),
            SIGNALS,
        );
    }
    set.into()
}

fn set_blocked(value: &[u8]) -> bool {
    // SAFETY: reads so many bytes, which the value has.
    value.len() == SIGNALS
        && unsafe {
            libc::syscall(
                libc::SYS_rt_sigprocmask,
                libc::SIG_SETMASK,
                value.as_ptr(),
                std::ptr::null::<u8>(),
                SIGNALS,
            ) == 0
        }
}
