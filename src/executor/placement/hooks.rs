//! The functions that Python takes its memory with, in a process that makes an image or was restored from one
//! (PyMem_SetAllocator, domains `mem` and `obj`). What is not placed comes from the functions that were there before.
//! Only the first thread uses the memory here: another one may not have the lock of the same interpreter.

use std::ffi::{CStr, c_int, c_void};
use std::mem::{MaybeUninit, transmute};
use std::ptr::{null_mut, with_exposed_provenance_mut};

use super::contexts::Contexts;
use super::free_blocks::{LARGEST, STEP};
use super::learning::Learning;
use super::placed::Placed;
use image::branch::thread_pointer;

/// Python's own allocator takes larger blocks from the C library.
const SMALL: usize = 512;

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

/// The memory of a process, by what it is for.
pub(super) enum Memory {
    Learning(Learning),
    Placed(Placed),
}

pub(super) struct State {
    before: Functions,
    /// The first thread.
    thread: u64,
    /// While the application is loaded.
    contexts: Option<Contexts>,
    /// How many blocks were taken while it was loaded.
    pub(super) taken: u64,
    /// Whether what is taken belongs to a request.
    pub(super) in_request: bool,
    pub(super) memory: Memory,
}

static mut STATE: Option<State> = None;

/// What is in use, if anything. The interpreter's lock is held, or there is no interpreter yet.
#[allow(static_mut_refs, reason = "used by one thread, and for one call")]
pub(super) fn state() -> Option<&'static mut State> {
    // SAFETY: the first thread's alone, except for what does not change once the interpreter runs; no reference
    // outlives the call of a function here.
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
        STATE = Some(State {
            before: before[0],
            thread: thread_pointer(),
            contexts: Some(Contexts::new()),
            taken: 0,
            in_request: false,
            memory,
        });
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

impl State {
    /// The application is loaded.
    pub(super) fn loading_has_ended(&mut self) {
        self.taken = self.contexts.take().map_or(0, |contexts| contexts.taken);
        if let Memory::Placed(placed) = &mut self.memory {
            placed.forget_keys();
        }
    }

    #[inline]
    fn take(&mut self, size: usize) -> Option<usize> {
        if !self.is_in_first_thread() {
            return None;
        }
        match (&mut self.contexts, &mut self.memory) {
            (None, Memory::Placed(placed)) if self.in_request && size <= SMALL => placed.take(size),
            (None, _) => None,
            (Some(contexts), memory) => {
                let key = contexts.next(size);
                match memory {
                    _ if size > LARGEST => None,
                    Memory::Learning(learning) => learning.take(size, key),
                    Memory::Placed(placed) => placed.take_known(size, key),
                }
            }
        }
    }

    /// The same for what has grown. That has no key: how often something grows may differ.
    fn take_grown(&mut self, size: usize) -> Option<usize> {
        if !self.is_in_first_thread() {
            return None;
        }
        match &mut self.memory {
            Memory::Learning(learning) if self.contexts.is_some() && size <= LARGEST => {
                learning.take(size, 0)
            }
            Memory::Placed(placed) if self.in_request && size <= SMALL => placed.take(size),
            _ => None,
        }
    }

    #[inline]
    fn is_in_first_thread(&self) -> bool {
        thread_pointer() == self.thread
    }

    /// The length of a block, if it is from here.
    #[inline]
    fn length(&self, block: usize) -> Option<usize> {
        let steps = match &self.memory {
            Memory::Learning(learning) => learning.has(block).then(|| learning.steps(block)),
            Memory::Placed(placed) => placed.has(block).then(|| placed.steps(block)),
        };
        steps.map(|steps| steps * STEP)
    }

    /// # Safety
    /// A block from here, which nobody uses any more.
    unsafe fn give_back(&mut self, block: usize) {
        // What another thread gives back is lost, which is not much: it took none.
        if self.is_in_first_thread() {
            // SAFETY: the caller's promise.
            unsafe {
                match &mut self.memory {
                    Memory::Learning(learning) => learning.give_back(block),
                    Memory::Placed(placed) => placed.give_back(block),
                }
            }
        }
    }
}

/// The state for a function below.
fn installed() -> &'static mut State {
    // SAFETY: `install` sets the state before it names the functions.
    unsafe { state().unwrap_unchecked() }
}

unsafe extern "C" fn malloc(_: *mut c_void, size: usize) -> *mut c_void {
    let state = installed();
    match state.take(size) {
        Some(block) => with_exposed_provenance_mut(block),
        // SAFETY: as Python would call it.
        None => unsafe { (state.before.malloc)(state.before.context, size) },
    }
}

unsafe extern "C" fn calloc(_: *mut c_void, number: usize, size: usize) -> *mut c_void {
    let state = installed();
    let all = number.checked_mul(size);
    match all.and_then(|all| Some((state.take(all)?, all))) {
        Some((block, all)) => {
            let block = with_exposed_provenance_mut::<c_void>(block);
            // SAFETY: the block has this length at least.
            unsafe { block.cast::<u8>().write_bytes(0, all) };
            block
        }
        // SAFETY: as Python would call it.
        None => unsafe { (state.before.calloc)(state.before.context, number, size) },
    }
}

unsafe extern "C" fn realloc(context: *mut c_void, block: *mut c_void, size: usize) -> *mut c_void {
    let state = installed();
    let Some(length) = state.length(block.addr()) else {
        if block.is_null() {
            // SAFETY: as Python would call it.
            return unsafe { malloc(context, size) };
        }
        // SAFETY: as above; the block is from there.
        return unsafe { (state.before.realloc)(state.before.context, block, size) };
    };
    if size <= length && size * 2 >= length {
        return block;
    }
    // SAFETY: as Python would call it; both blocks have as many bytes, and the old one is not used any more.
    unsafe {
        let new = match state.take_grown(size) {
            Some(taken) => with_exposed_provenance_mut(taken),
            None => (state.before.malloc)(state.before.context, size),
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
    let state = installed();
    // SAFETY: nobody uses the block any more.
    unsafe {
        match state.length(block.addr()) {
            Some(_) => state.give_back(block.addr()),
            None => (state.before.free)(state.before.context, block),
        }
    }
}
