//! What runs in a process at its end, in C: functions of libraries (`atexit`, destructors of threads) and the last
//! functions of library files (`DT_FINI_ARRAY`). In a restored process most have nothing to do, and running them
//! costs a page fault or two for each library: what is known to be idle is left out.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::unix::fs::MetadataExt;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::finis;
use process::signals;

type Function = unsafe extern "C" fn(*mut c_void);
type Register = unsafe extern "C" fn(Function, *mut c_void, *mut c_void) -> c_int;

/// Whether a library has registered a function, other than OpenSSL, whose function only frees memory
/// (`OPENSSL_INIT_NO_ATEXIT` is its own option to skip that), and other than this library.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// How many libraries had been loaded when none of them had anything to do at its end; 0 if one had.
static IDLE_AT: AtomicU64 = AtomicU64::new(0);

/// Looks through the libraries that are loaded, before an image is written: each restored process would touch them
/// all.
pub(crate) fn look() {
    let idle_at = finis::loaded_if_idle().unwrap_or(0);
    IDLE_AT.store(idle_at, Ordering::Release);
}

/// Ends a restored process. Python, threads and descriptors have nothing left to do.
pub(crate) fn end(code: c_int) -> ! {
    let idle_at = IDLE_AT.load(Ordering::Acquire);
    let has_work = idle_at == 0 || REGISTERED.load(Ordering::Acquire) || finis::loaded() != idle_at;
    // A thread may hold the lock of a stream, for which `fflush` would wait, and `exit` does not.
    if has_work || has_other_threads() {
        std::process::exit(code)
    }
    _ = std::io::stdout().flush();
    signals::on_exit();
    // SAFETY: writes what is left in the C library's streams; then nothing else runs.
    unsafe {
        libc::fflush(null_mut());
        libc::_exit(code)
    }
}

/// Notes that a library may have registered a function past those below.
pub(crate) fn note_registered() {
    REGISTERED.store(true, Ordering::Release);
}

/// Whether there are other threads, or this cannot be told.
fn has_other_threads() -> bool {
    // A folder has a link from itself, from the one above, and from each in it.
    std::fs::metadata("/proc/self/task").map_or(true, |tasks| tasks.nlink() != 3)
}

/// What `atexit` calls in a library (Itanium C++ ABI, section 3.3.6.3). This function is found before
/// the C library's, and passes the call on to that; OpenSSL's function takes longer than many requests.
#[unsafe(no_mangle)]
extern "C" fn __cxa_atexit(function: Function, data: *mut c_void, owner: *mut c_void) -> c_int {
    if is_in(owner, b"libcrypto.so") {
        return 0;
    }
    register(c"__cxa_atexit", function, data, owner)
}

/// The same for the end of a thread.
#[unsafe(no_mangle)]
extern "C" fn __cxa_thread_atexit_impl(
    function: Function,
    data: *mut c_void,
    owner: *mut c_void,
) -> c_int {
    register(c"__cxa_thread_atexit_impl", function, data, owner)
}

/// As on_exit(3).
#[unsafe(no_mangle)]
extern "C" fn on_exit(function: Function, data: *mut c_void) -> c_int {
    register(c"on_exit", function, data, null_mut())
}

fn register(name: &CStr, function: Function, data: *mut c_void, owner: *mut c_void) -> c_int {
    // This library has only memory to free: `end` does the rest.
    let own = (&raw const REGISTERED).cast_mut().cast();
    if owner.is_null() || object(owner) != object(own) {
        REGISTERED.store(true, Ordering::Release);
    }
    // SAFETY: the C library's functions have this signature, or take fewer of these arguments, and there is no C
    // library without them.
    unsafe {
        let next = libc::dlsym(libc::RTLD_NEXT, name.as_ptr());
        if next.is_null() {
            return -1;
        }
        std::mem::transmute::<*mut c_void, Register>(next)(function, data, owner)
    }
}

/// Whether an address is in a library whose file's name begins so.
fn is_in(address: *mut c_void, library: &[u8]) -> bool {
    let Some(about) = object(address).filter(|about| !about.0.is_null()) else {
        return false;
    };
    // SAFETY: the name lives as long as the library.
    let name = unsafe { CStr::from_ptr(about.0) }.to_bytes();
    let last = name.rsplit(|&byte| byte == b'/').next();
    last.is_some_and(|last| last.starts_with(library))
}

/// The name and the first address of the library at an address.
fn object(address: *mut c_void) -> Option<(*const c_char, *mut c_void)> {
    let mut about = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: the structure is the call's to fill in, and zeros are a value of it.
    unsafe {
        (libc::dladdr(address, about.as_mut_ptr()) != 0).then(|| {
            let about = about.assume_init();
            (about.dli_fname, about.dli_fbase)
        })
    }
}
