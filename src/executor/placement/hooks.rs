//! The functions that Python takes its memory with, in a process that makes an image or was restored from one
//! (PyMem_SetAllocator, domains `mem` and `obj`). What `state` has no memory for comes from the functions that were
//! there before.

use std::ffi::c_void;
use std::ptr::{null_mut, with_exposed_provenance_mut};

use super::state::{Memory, State};
use crate::python::{MEMORY_DOMAINS, MemoryFunctions, memory_functions, set_memory_functions};

/// The functions that were there before.
static mut BEFORE: Option<MemoryFunctions> = None;

static mut STATE: Option<State> = None;

/// What is in use, if anything. The interpreter's lock is held, or there is no interpreter yet.
#[allow(static_mut_refs, reason = "no reference outlives a call from here")]
pub(super) fn state() -> Option<&'static mut State> {
    // SAFETY: only the first thread changes it, and only within a call from here. A thread with the lock of another
    // interpreter only reads what does not change: which thread is the first, and what memory is whose.
    unsafe { STATE.as_mut() }
}

/// Makes Python take its memory here from now on, before it runs.
pub(super) fn install(memory: Memory) -> Option<()> {
    let [before, other] = MEMORY_DOMAINS.map(memory_functions);
    let before = before?;
    // Where they differ (a Python built for debugging), a block would need to know its domain.
    let identity = |of: MemoryFunctions| (of.context, of.free as *const () as usize);
    if identity(before) != identity(other?) {
        return None;
    }
    // SAFETY: this thread is the only one; `free` and `realloc` pass on blocks that are not from here.
    unsafe {
        BEFORE = Some(before);
        STATE = Some(State::new(memory));
        for domain in MEMORY_DOMAINS {
            let ours = MemoryFunctions {
                context: null_mut(),
                malloc,
                calloc,
                realloc,
                free,
            };
            set_memory_functions(domain, ours)?;
        }
    }
    Some(())
}

/// Both, for a function below.
fn installed() -> (MemoryFunctions, &'static mut State) {
    // SAFETY: `install` sets them before it names the functions, and the first never changes.
    unsafe { (BEFORE.unwrap_unchecked(), state().unwrap_unchecked()) }
}

unsafe extern "C" fn malloc(_: *mut c_void, size: usize) -> *mut c_void {
    let (before, state) = installed();
    match state.take(size) {
        Some(block) => with_exposed_provenance_mut(block),
        // SAFETY: as Python would call it.
        None => unsafe { (before.malloc)(before.context, size) },
    }
}

unsafe extern "C" fn calloc(_: *mut c_void, number: usize, size: usize) -> *mut c_void {
    let (before, state) = installed();
    let all = number.checked_mul(size);
    match all.and_then(|all| Some((state.take(all)?, all))) {
        Some((block, all)) => {
            let block = with_exposed_provenance_mut::<c_void>(block);
            // SAFETY: the block has this length at least.
            unsafe { block.cast::<u8>().write_bytes(0, all) };
            block
        }
        // SAFETY: as Python would call it.
        None => unsafe { (before.calloc)(before.context, number, size) },
    }
}

unsafe extern "C" fn realloc(context: *mut c_void, block: *mut c_void, size: usize) -> *mut c_void {
    let (before, state) = installed();
    let Some(length) = state.length(block.addr()) else {
        if block.is_null() {
            // SAFETY: as Python would call it.
            return unsafe { malloc(context, size) };
        }
        // SAFETY: as above; the block is from there.
        return unsafe { (before.realloc)(before.context, block, size) };
    };
    if size <= length && size * 2 >= length {
        return block;
    }
    // SAFETY: as Python would call it; both blocks have as many bytes, and the old one is not used any more.
    unsafe {
        let new = match state.take_grown(size) {
            Some(taken) => with_exposed_provenance_mut(taken),
            None => (before.malloc)(before.context, size),
        };
        if !new.is_null() {
            let bytes = length.min(size);
            new.cast::<u8>()
                .copy_from_nonoverlapping(block.cast(), bytes);
            state.give_back(block.addr());
        }
        new
    }
}

unsafe extern "C" fn free(_: *mut c_void, block: *mut c_void) {
    let (before, state) = installed();
    // SAFETY: nobody uses the block any more.
    unsafe {
        match state.length(block.addr()) {
            Some(_) => state.give_back(block.addr()),
            None => (before.free)(before.context, block),
        }
    }
}
