//! The table of what is taken down: how each is read, and whether and how it is put back. What comes
//! later in the table is put back later: what would stand in another's way comes last.

use std::ffi::c_int;

use super::calls::{
    answers_cpuid, blocked, folder, get_control, get_control_at, group, guesses, io_priority,
    memory_errors, name, personality, scheduler, session, set_blocked, set_control,
    set_coredump_filter, set_folder, set_io_priority, set_limit, set_name, set_priority,
    set_processors, set_scheduler, set_umask,
};
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
