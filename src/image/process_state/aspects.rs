//! The table of the state that is compared: how each value is read, and whether and how it can be set. Values
//! are set in the order of the table: those that could prevent setting others come last.

use std::ffi::c_int;

use super::calls::{
    blocked, cpuid_access, folder, get_control, get_control_at, group, io_priority, memory_errors,
    name, personality, scheduler, session, set_blocked, set_control, set_coredump_filter,
    set_folder, set_io_priority, set_limit, set_name, set_priority, set_processors, set_scheduler,
    set_umask, speculation,
};
use super::{enrolled, own_files};
use crate::inherited::Inherited;

/// One value that the kernel keeps.
pub(super) struct Aspect {
    /// In words.
    pub(super) name: &'static str,
    pub(super) read: fn() -> Vec<u8>,
    pub(super) way: Way,
}

/// What can be done about a change.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// Set it with this function, which returns false on failure.
    PutBack(fn(&[u8]) -> bool),
    /// Nothing: there can be no image.
    Obstacle,
}

use Way::{Obstacle, PutBack};

/// Values that differ from process to process anyway.
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
    limit!("the limit on data size", libc::RLIMIT_DATA),
    // The room of a restored stack is fixed earlier.
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
    limit!("the limit on address space", libc::RLIMIT_AS),
    limit!("the limit on file locks", libc::RLIMIT_LOCKS),
    limit!("the limit on pending signals", libc::RLIMIT_SIGPENDING),
    limit!("the limit on message queues", libc::RLIMIT_MSGQUEUE),
    limit!("the limit on niceness", libc::RLIMIT_NICE),
    limit!("the limit on real-time priority", libc::RLIMIT_RTPRIO),
    limit!("the limit on real-time CPU", libc::RLIMIT_RTTIME),
    aspect(
        "the priority (nice)",
        || Inherited::Priority.value(),
        PutBack(set_priority),
    ),
    aspect("the scheduling policy", scheduler, PutBack(set_scheduler)),
    aspect(
        "the CPU affinity",
        || Inherited::Processors.value(),
        PutBack(set_processors),
    ),
    aspect("the I/O priority", io_priority, PutBack(set_io_priority)),
    aspect("the personality", personality, Obstacle),
    aspect("the session", session, Obstacle),
    aspect("the process group", group, Obstacle),
    aspect(
        "the user or group ID",
        || own_files::status(&["Uid", "Gid"]),
        Obstacle,
    ),
    aspect(
        "the supplementary groups",
        || own_files::status(&["Groups"]),
        Obstacle,
    ),
    aspect(
        "the capabilities",
        || own_files::status(&["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]),
        Obstacle,
    ),
    aspect(
        "the seccomp filter",
        || own_files::status(&["Seccomp", "Seccomp_filters"]),
        Obstacle,
    ),
    aspect(
        "the pending signals",
        || own_files::status(&["SigPnd", "ShdPnd"]),
        Obstacle,
    ),
    aspect(
        "the locked memory",
        || own_files::status(&["VmLck"]),
        Obstacle,
    ),
    aspect("the root directory", || own_files::place("/"), Obstacle),
    aspect("the namespaces", own_files::namespaces, Obstacle),
    aspect(
        "the control group",
        || own_files::content("cgroup"),
        Obstacle,
    ),
    aspect("the login UID", || own_files::content("loginuid"), Obstacle),
    aspect(
        "the security label",
        || own_files::content("attr/current"),
        Obstacle,
    ),
    aspect("the child processes", own_files::children, Obstacle),
    aspect("standard input", || own_files::descriptor(0), Obstacle),
    aspect("standard output", || own_files::descriptor(1), Obstacle),
    aspect("standard error", || own_files::descriptor(2), Obstacle),
    aspect(
        "the OOM score adjustment",
        || own_files::content("oom_score_adj"),
        PutBack(|value| own_files::write(c"/proc/self/oom_score_adj", value)),
    ),
    aspect(
        "the core dump filter",
        || own_files::content("coredump_filter"),
        PutBack(set_coredump_filter),
    ),
    aspect(
        "the securebits",
        || get_control(libc::PR_GET_SECUREBITS),
        Obstacle,
    ),
    control!(
        "the keep-capabilities flag",
        libc::PR_GET_KEEPCAPS,
        libc::PR_SET_KEEPCAPS
    ),
    control!(
        "the timer slack",
        libc::PR_GET_TIMERSLACK,
        libc::PR_SET_TIMERSLACK
    ),
    control!(
        "the use of huge pages",
        libc::PR_GET_THP_DISABLE,
        libc::PR_SET_THP_DISABLE
    ),
    control_at!(
        "the child subreaper flag",
        libc::PR_GET_CHILD_SUBREAPER,
        PutBack(|value| set_control(libc::PR_SET_CHILD_SUBREAPER, value))
    ),
    control_at!(
        "the parent-death signal",
        libc::PR_GET_PDEATHSIG,
        PutBack(|value| set_control(libc::PR_SET_PDEATHSIG, value))
    ),
    control_at!(
        "access to the timestamp counter",
        libc::PR_GET_TSC,
        PutBack(|value| set_control(libc::PR_SET_TSC, value))
    ),
    aspect("the memory error policy", memory_errors, Obstacle),
    aspect("the speculation control", speculation, Obstacle),
    aspect(
        "the write-or-execute rule (MDWE)",
        || get_control(PR_GET_MDWE),
        Obstacle,
    ),
    aspect(
        "the memory merging flag (KSM)",
        || get_control(PR_GET_MEMORY_MERGE),
        Obstacle,
    ),
    aspect(
        "the I/O flusher flag",
        || get_control(PR_GET_IO_FLUSHER),
        Obstacle,
    ),
    aspect("access to CPUID", cpuid_access, Obstacle),
    aspect(
        "the permitted CPU features (AMX)",
        enrolled::cpu_features,
        PutBack(enrolled::request_cpu_features),
    ),
    aspect("the GS segment base", enrolled::gs_base, Obstacle),
    aspect(
        "the membarrier registrations",
        enrolled::barriers,
        PutBack(enrolled::register_barriers),
    ),
    aspect(NAME, name, PutBack(set_name)),
    aspect(
        "the allowed memory nodes",
        || own_files::status(&["Mems_allowed"]),
        Obstacle,
    ),
    control!(
        "the dumpable flag",
        libc::PR_GET_DUMPABLE,
        libc::PR_SET_DUMPABLE
    ),
    control!(
        "the no_new_privs flag",
        libc::PR_GET_NO_NEW_PRIVS,
        libc::PR_SET_NO_NEW_PRIVS
    ),
    aspect("the blocked signals", blocked, PutBack(set_blocked)),
];

/// From linux/prctl.h, as not every C library's header has them.
const PR_GET_IO_FLUSHER: c_int = 58;
const PR_GET_MDWE: c_int = 66;
const PR_GET_MEMORY_MERGE: c_int = 68;
