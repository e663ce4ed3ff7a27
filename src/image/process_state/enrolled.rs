//! What a process has to ask the kernel for once before it may use it, and what libraries ask for when
//! they are loaded: the processor's largest units (AMX), barriers in all threads (membarrier).

use std::ffi::{c_int, c_ulong};

use process::filter;

/// The parts of the processor's state that may be used, as bits; nothing where that cannot be asked.
pub(super) fn units() -> Vec<u8> {
    /// `ARCH_GET_XCOMP_PERM` (asm/prctl.h)
    const GET: c_ulong = 0x1022;
    arch(GET)
}

/// Asks for those that are not there yet.
pub(super) fn ask_for_units(value: &[u8]) -> bool {
    /// `ARCH_REQ_XCOMP_PERM`
    const ASK: c_ulong = 0x1023;
    let missing = word(value) & !word(&units());
    (0..64)
        .filter(|unit| missing & 1 << unit != 0)
        // SAFETY: takes numbers.
        .all(|unit: c_ulong| unsafe { arch_prctl(ASK, unit) } == 0)
}

/// Where the segment begins that the C library leaves alone.
pub(super) fn other_segment() -> Vec<u8> {
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

/// What is registered, as the bits of the commands; nothing where that cannot be asked.
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

/// Whether that can be asked.
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
