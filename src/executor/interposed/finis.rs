//! The functions that library files have for their end (`DT_FINI`, `DT_FINI_ARRAY`): whether any of them may do
//! something. Compilers put one into every library that only passes on to what was registered.

use std::ffi::{c_int, c_void};

use libc::{dl_phdr_info, size_t};

/// An entry of a library's dynamic section (elf.h, `Elf64_Dyn`).
#[repr(C)]
struct Entry {
    tag: i64,
    value: u64,
}

const PT_DYNAMIC: u32 = 2;
const DT_FINI: i64 = 13;
const DT_FINI_ARRAY: i64 = 26;
const DT_FINI_ARRAYSZ: i64 = 28;

/// The function `_fini` as the C library's start files (crti.o, crtn.o) have it on x86-64: it does nothing. Newer
/// ones begin with ENDBR64.
const EMPTY: [u8; 9] = [0x48, 0x83, 0xec, 0x08, 0x48, 0x83, 0xc4, 0x08, 0xc3];
const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];

/// How `__do_global_dtors_aux` of the compiler's start files (crtbeginS.o) begins: it compares a byte of its own,
/// four bytes away from here, with zero. It passes on to `__cxa_finalize`.
const PASSES_ON: [u8; 2] = [0x80, 0x3d];

/// How many libraries were loaded in this process so far.
pub(super) fn loaded() -> u64 {
    extern "C" fn first(about: *mut dl_phdr_info, _: size_t, data: *mut c_void) -> c_int {
        // SAFETY: the call's own structure, and the number below.
        unsafe { *data.cast::<u64>() = (*about).dlpi_adds };
        1
    }
    let mut loaded = 0_u64;
    // SAFETY: the function has the signature asked for, and the number outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut loaded).cast()) };
    loaded
}

/// The same if none of them has anything to do at its end.
pub(super) fn loaded_if_idle() -> Option<u64> {
    extern "C" fn look(about: *mut dl_phdr_info, _: size_t, _: *mut c_void) -> c_int {
        // SAFETY: the call's own structure.
        c_int::from(!unsafe { is_idle(&*about) })
    }
    // SAFETY: the function has the signature asked for.
    let busy = unsafe { libc::dl_iterate_phdr(Some(look), std::ptr::null_mut()) };
    (busy == 0).then(loaded)
}

/// # Safety
/// The structure describes a library that is loaded.
unsafe fn is_idle(about: &dl_phdr_info) -> bool {
    let (mut fini, mut array, mut length) = (None, None, 0);
    // SAFETY: the caller's promise; a dynamic section ends with a zero.
    unsafe {
        let headers = std::slice::from_raw_parts(about.dlpi_phdr, about.dlpi_phnum.into());
        let Some(dynamic) = headers.iter().find(|header| header.p_type == PT_DYNAMIC) else {
            return true;
        };
        let mut entry = at::<Entry>(about.dlpi_addr + dynamic.p_vaddr);
        while (*entry).tag != 0 {
            match (*entry).tag {
                DT_FINI => fini = Some(about.dlpi_addr + (*entry).value),
                DT_FINI_ARRAY => array = Some(about.dlpi_addr + (*entry).value),
                DT_FINI_ARRAYSZ => length = (*entry).value,
                _ => {}
            }
            entry = entry.add(1);
        }
        let array_is_idle = match array {
            None => true,
            Some(_) if length == 0 => true,
            Some(array) => length == 8 && passes_on(at(*at::<u64>(array))),
        };
        array_is_idle && fini.is_none_or(|fini| is_empty(at(fini)))
    }
}

/// # Safety
/// There is a function.
unsafe fn is_empty(function: *const u8) -> bool {
    // SAFETY: the caller's promise; sections of code are padded.
    unsafe { starts(after_endbr64(function), &EMPTY) }
}

/// # Safety
/// As above.
unsafe fn passes_on(function: *const u8) -> bool {
    // SAFETY: as above.
    unsafe {
        let function = after_endbr64(function);
        starts(function, &PASSES_ON) && *function.add(6) == 0
    }
}

unsafe fn after_endbr64(function: *const u8) -> *const u8 {
    // SAFETY: as above.
    unsafe {
        if starts(function, &ENDBR64) {
            function.add(ENDBR64.len())
        } else {
            function
        }
    }
}

unsafe fn starts(at: *const u8, with: &[u8]) -> bool {
    with.iter().enumerate().all(|(place, &byte)| {
        // SAFETY: as above.
        let found = unsafe { *at.add(place) };
        found == byte
    })
}

fn at<T>(address: u64) -> *const T {
    std::ptr::with_exposed_provenance(usize::try_from(address).unwrap_or(0))
}
