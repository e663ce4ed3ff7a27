//! Features that a process must request from the kernel before it uses them, as libraries do when they are
//! loaded: large CPU registers (AMX), memory barriers in all threads (membarrier).

use std::ffi::{c_int, c_ulong};

use process::filter;

/// The CPU features that may be used, as bits; empty where that cannot be read.
pub(super) fn cpu_features() -> Vec<u8> {
    /// `ARCH_GET_XCOMP_PERM` (asm/prctl.h)
    const GET: c_ulong = 0x1022;
    arch(GET)
}

/// Requests those that are missing.
pub(super) fn request_cpu_features(value: &[u8]) -> bool {
    /// `ARCH_REQ_XCOMP_PERM`
    const ASK: c_ulong = 0x1023;
    let missing = word(value) & !word(&cpu_features());
    (0..64)
        .filter(|unit| missing & 1 << unit != 0)
        // SAFETY: takes numbers.
        .all(|unit: c_ulong| unsafe { arch_prctl(ASK, unit) } == 0)
}

/// The base of the GS segment, which the C library does not use.
pub(super) fn gs_base() -> Vec<u8> {
    /// `ARCH_GET_GS`
    const GET: c_ulong = 0x1004;
    arch(GET)
}

fn arch(get: c_ulong) -> Vec<u8> {
    let mut value = 0_u64;
    let place = (&raw mut value).expose_provenance() as c_ulong;
    // SAFETY: the call writes to the place where it succeeds.
    if !filter::is_on() && unsafe { arch_prctl(get, place) } == 0 {
        value.to_le_bytes().into()
    } else {
        Vec::new()
    }
}

#[cfg(target_arch = "x86_64")]
unsafe fn arch_prctl(code: c_ulong, argument: c_ulong) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { libc::syscall(libc::SYS_arch_prctl, code, argument) }
}

#[cfg(not(target_arch = "x86_64"))]
unsafe fn arch_prctl(_code: c_ulong, _argument: c_ulong) -> i64 {
    -1
}

/// The registrations for membarrier, as bits of its commands; empty where that cannot be read.
pub(super) fn barriers() -> Vec<u8> {
    /// `MEMBARRIER_CMD_GET_REGISTRATIONS` (linux/membarrier.h, Linux 6.3)
    const GET: c_int = 1 << 9;
    if filter::is_on() {
        return Vec::new();
    }
    // SAFETY: takes numbers.
    match u64::try_from(unsafe { libc::syscall(libc::SYS_membarrier, GET, 0, 0) }) {
        Ok(registered) => registered.to_le_bytes().into(),
        Err(_) => Vec::new(),
    }
}

/// Whether the registrations can be read.
#[must_use]
pub fn shows_barriers() -> bool {
    !barriers().is_empty()
}

/// Registers what is not registered yet.
pub(super) fn register_barriers(value: &[u8]) -> bool {
    let missing = word(value) & !word(&barriers());
    (0..32)
        .map(|bit| 1_u64 << bit)
        .filter(|command| missing & command != 0)
        // SAFETY: takes numbers.
        .all(|command| unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) } == 0)
}

fn word(value: &[u8]) -> u64 {
    value.try_into().map_or(0, u64::from_le_bytes)
}
