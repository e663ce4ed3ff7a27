//! Functions that libraries registered with `pthread_atfork`. The C library does not know that a
//! restored process is a copy, so the executor keeps the list too, and calls them.

use std::ffi::{c_int, c_void};
use std::mem::transmute;
use std::path::PathBuf;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use super::draws::object_of;

type Handler = unsafe extern "C" fn();
type Register =
    unsafe extern "C" fn(Option<Handler>, Option<Handler>, Option<Handler>, *mut c_void) -> c_int;

/// How many functions are kept; an application that registers more gets no image.
pub(crate) const MOST: usize = 64;
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// Addresses of functions, in the order of [`Moment`].
static HANDLERS: [[AtomicPtr<c_void>; 3]; MOST] =
    [const { [const { AtomicPtr::new(null_mut()) }; 3] }; MOST];
static PREPARED: AtomicBool = AtomicBool::new(false);

#[derive(Clone, Copy)]
enum Moment {
    Before,
    Parent,
    Child,
}

/// What `pthread_atfork` calls in every library; found before the C library's function.
///
/// # Safety
/// As <https://man7.org/linux/man-pages/man3/pthread_atfork.3.html>.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn __register_atfork(
    before: Option<Handler>,
    parent: Option<Handler>,
    child: Option<Handler>,
    library: *mut c_void,
) -> c_int {
    // SAFETY: the name is a C string, and what is found has this signature.
    let register: Option<Register> = unsafe {
        transmute::<*mut c_void, Option<Register>>(libc::dlsym(
            libc::RTLD_NEXT,
            c"__register_atfork".as_ptr(),
        ))
    };
    let Some(register) = register else {
        return libc::ENOMEM;
    };
    let place = COUNT.fetch_add(1, Ordering::AcqRel);
    if let Some(kept) = HANDLERS.get(place) {
        for (place, handler) in kept.iter().zip([before, parent, child]) {
            let address = handler.map_or(null_mut(), |handler| handler as *mut c_void);
            place.store(address, Ordering::Release);
        }
    }
    // SAFETY: the caller's own arguments.
    unsafe { register(before, parent, child, library) }
}

/// Calls the functions for the moment before a fork: before the image is written.
pub(crate) fn prepare() {
    if !PREPARED.swap(true, Ordering::AcqRel) {
        forget_unloaded();
        call(Moment::Before);
    }
}

/// Calls the functions for the parent, once; does nothing unless `prepare` was called.
pub(crate) fn continue_as_parent() {
    if PREPARED.swap(false, Ordering::AcqRel) {
        call(Moment::Parent);
    }
}

/// Calls the functions for the child, in a restored process.
pub(crate) fn continue_as_child() {
    if PREPARED.swap(false, Ordering::AcqRel) {
        call(Moment::Child);
    }
}

/// Whether the list is complete.
#[must_use]
pub(crate) fn is_complete() -> bool {
    COUNT.load(Ordering::Acquire) <= MOST
}

/// The libraries that have a function for the child.
#[must_use]
pub(crate) fn renewed() -> Vec<PathBuf> {
    handlers(Moment::Child)
        .filter_map(|handler| object_of(handler.addr()))
        .collect()
}

fn handlers(moment: Moment) -> impl DoubleEndedIterator<Item = *mut c_void> {
    let count = COUNT.load(Ordering::Acquire).min(MOST);
    HANDLERS[..count]
        .iter()
        .map(move |handlers| handlers[moment as usize].load(Ordering::Acquire))
        .filter(|handler| !handler.is_null())
}

/// Forgets the functions of libraries that were unloaded since. In the maker alone: asking in each restored process
/// would cost page faults.
fn forget_unloaded() {
    let count = COUNT.load(Ordering::Acquire).min(MOST);
    for handler in HANDLERS[..count].iter().flatten() {
        if object_of(handler.load(Ordering::Acquire).addr()).is_none() {
            handler.store(null_mut(), Ordering::Release);
        }
    }
}

fn call(moment: Moment) {
    let call = |handler: *mut c_void| {
        // SAFETY: it was registered with this signature, and its library is still there.
        unsafe { transmute::<*mut c_void, Handler>(handler)() }
    };
    match moment {
        Moment::Before => handlers(moment).rev().for_each(call),
        Moment::Parent | Moment::Child => handlers(moment).for_each(call),
    }
}
