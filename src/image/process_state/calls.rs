//! Reads and sets the values of the table, as bytes, with a system call or two for each. `enrolled` has those
//! that need more calls, `own_files` those that are in `/proc` only.

use std::ffi::{CStr, c_int, c_ulong};
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use super::own_files;

pub(super) fn folder() -> Vec<u8> {
    let path = std::env::current_dir().unwrap_or_default();
    let about = fs::metadata(".").map_or((0, 0), |about| (about.dev(), about.ino()));
    let numbers = [about.0, about.1].map(u64::to_le_bytes).concat();
    // As C has it: it is undone in a signal handler too.
    [&numbers, path.as_os_str().as_bytes(), b"\0"].concat()
}

pub(super) fn set_folder(value: &[u8]) -> bool {
    let path = value
        .get(16..)
        .and_then(|path| CStr::from_bytes_with_nul(path).ok());
    path.is_some_and(|path| rustix::process::chdir(path).is_ok())
}

fn number(value: &[u8]) -> Option<c_int> {
    Some(c_int::from_le_bytes(value.try_into().ok()?))
}

pub(super) fn set_umask(value: &[u8]) -> bool {
    let Some(mask) = value.try_into().ok().map(libc::mode_t::from_le_bytes) else {
        return false;
    };
    // SAFETY: takes a number.
    unsafe { libc::umask(mask) };
    true
}

pub(super) fn set_limit(which: libc::__rlimit_resource_t, value: &[u8]) -> bool {
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

pub(super) fn set_priority(value: &[u8]) -> bool {
    // SAFETY: takes numbers.
    number(value)
        .is_some_and(|value| unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) == 0 })
}

pub(super) fn scheduler() -> Vec<u8> {
    let mut parameters = MaybeUninit::<libc::sched_param>::zeroed();
    // SAFETY: the call fills it in; zeros are a value of it.
    unsafe {
        let policy = libc::sched_getscheduler(0);
        libc::sched_getparam(0, parameters.as_mut_ptr());
        let priority = parameters.assume_init().sched_priority;
        [policy, priority].map(c_int::to_le_bytes).concat()
    }
}

pub(super) fn set_scheduler(value: &[u8]) -> bool {
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

pub(super) fn set_processors(value: &[u8]) -> bool {
    // SAFETY: reads the list.
    unsafe { libc::sched_setaffinity(0, value.len(), value.as_ptr().cast()) == 0 }
}

/// `IOPRIO_WHO_PROCESS`
const THIS: c_int = 1;

pub(super) fn io_priority() -> Vec<u8> {
    // SAFETY: asks.
    let priority = unsafe { libc::syscall(libc::SYS_ioprio_get, THIS, 0) };
    priority.to_le_bytes().into()
}

pub(super) fn set_io_priority(value: &[u8]) -> bool {
    let Ok(value) = value.try_into() else {
        return false;
    };
    // SAFETY: takes numbers.
    unsafe { libc::syscall(libc::SYS_ioprio_set, THIS, 0, i64::from_le_bytes(value)) == 0 }
}

pub(super) fn personality() -> Vec<u8> {
    // SAFETY: this value asks, and changes nothing.
    unsafe { libc::personality(0xffff_ffff) }
        .to_le_bytes()
        .into()
}

pub(super) fn session() -> Vec<u8> {
    // SAFETY: asks.
    unsafe { libc::getsid(0) }.to_le_bytes().into()
}

pub(super) fn group() -> Vec<u8> {
    // SAFETY: asks.
    unsafe { libc::getpgrp() }.to_le_bytes().into()
}

pub(super) fn get_control(option: c_int) -> Vec<u8> {
    const NOTHING: c_ulong = 0;
    // SAFETY: the option asks, and what it answers is its result.
    unsafe { libc::prctl(option, NOTHING, NOTHING, NOTHING, NOTHING) }
        .to_le_bytes()
        .into()
}

pub(super) fn get_control_at(option: c_int) -> Vec<u8> {
    const NOTHING: c_ulong = 0;
    let mut value: c_int = 0;
    // SAFETY: the option writes a number to where this points.
    unsafe { libc::prctl(option, &raw mut value, NOTHING, NOTHING, NOTHING) };
    value.to_le_bytes().into()
}

pub(super) fn set_control(option: c_int, value: &[u8]) -> bool {
    const NOTHING: c_ulong = 0;
    let Some(value) = number(value).and_then(|value| c_ulong::try_from(value).ok()) else {
        return false;
    };
    // SAFETY: the option takes a number.
    unsafe { libc::prctl(option, value, NOTHING, NOTHING, NOTHING) == 0 }
}

pub(super) fn memory_errors() -> Vec<u8> {
    get_control(libc::PR_MCE_KILL_GET)
}

pub(super) fn speculation() -> Vec<u8> {
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

pub(super) fn cpuid_access() -> Vec<u8> {
    /// `ARCH_GET_CPUID` (asm/prctl.h)
    const GET_CPUID: c_ulong = 0x1011;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: asks.
    let answers = unsafe { libc::syscall(libc::SYS_arch_prctl, GET_CPUID, 0) };
    #[cfg(not(target_arch = "x86_64"))]
    let answers = i64::from(GET_CPUID == 0);
    answers.to_le_bytes().into()
}

pub(super) fn name() -> Vec<u8> {
    let mut name = [0_u8; 16];
    // SAFETY: the option writes sixteen bytes at most.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name.into()
}

pub(super) fn set_name(value: &[u8]) -> bool {
    // SAFETY: the option reads up to a zero, which these sixteen bytes have, or sixteen bytes.
    value.len() == 16 && unsafe { libc::prctl(libc::PR_SET_NAME, value.as_ptr()) == 0 }
}

pub(super) fn set_coredump_filter(value: &[u8]) -> bool {
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

pub(super) fn blocked() -> Vec<u8> {
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

pub(super) fn set_blocked(value: &[u8]) -> bool {
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
