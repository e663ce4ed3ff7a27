//! The functions that Python takes its memory with, in a process that makes an image or was restored from one
//! (PyMem_SetAllocator, domains `mem` and `obj`). What `state` has no memory for comes from the functions that were
//! there before.

use std::ffi::{CStr, c_int, c_void};
use std::mem::{MaybeUninit, transmute};
use std::ptr::{null_mut, with_exposed_provenance_mut};

use super::state::{Memory, State};

/// <https://docs.python.org/3/c-api/memory.html#c.PyMemAllocatorEx>
#[repr(C)]
#[derive(Clone, Copy)]
struct Functions {
    context: *mut c_void,
    malloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    calloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void),
}

impl Functions {
    fn is_as(&self, other: &Self) -> bool {
        let addresses = |of: &Self| {
            let free = of.free as *const () as usize;
            (of.context, of.malloc as *const () as usize, free)
        };
        addresses(self) == addresses(other)
    }
}

/// The functions that were there before.
static mut BEFORE: Option<Functions> = None;

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
    type Get = unsafe extern "C" fn(c_int, *mut Functions);
    const MEM: c_int = 1;
    const OBJ: c_int = 2;
    // SAFETY: questions by C strings; the functions have these signatures in every version; this thread is the only
    // one.
    unsafe {
        let symbol = |name: &CStr| libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr());
        let (get, set) = (symbol(c"PyMem_GetAllocator"), symbol(c"PyMem_SetAllocator"));
        if get.is_null() || set.is_null() {
            return None;
        }
        let [get, set] = [get, set].map(|function| transmute::<*mut c_void, Get>(function));
        let before = [MEM, OBJ].map(|domain| {
            let mut functions = MaybeUninit::uninit();
            get(domain, functions.as_mut_ptr());
            functions.assume_init()
        });
        // Where they differ (a Python built for debugging), a block would need to know its domain.
        if !before[0].is_as(&before[1]) {
            return None;
        }
        BEFORE = Some(before[0]);
        STATE = Some(State::new(memory));
        for domain in [MEM, OBJ] {
            let mut ours = Functions {
                context: null_mut(),
                malloc,
                calloc,
                realloc,
                free,
            };
            set(domain, &raw mut ours);
        }
    }
    Some(())
}

/// Both, for a function below.
fn installed() -> (Functions, &'static mut State) {
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
