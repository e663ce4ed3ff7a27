//! Exit functions of libraries (`atexit`). All run, except the one of OpenSSL: it only frees memory,
//! which takes longer than many requests (`OPENSSL_INIT_NO_ATEXIT` is its own option to skip that).

use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;

type Function = unsafe extern "C" fn(*mut c_void);
type Register = unsafe extern "C" fn(Function, *mut c_void, *mut c_void) -> c_int;

/// What `atexit` calls in a library (Itanium C++ ABI, section 3.3.6.3). This function is found before
/// the C library's, and passes the call on to that.
#[unsafe(no_mangle)]
extern "C" fn __cxa_atexit(function: Function, data: *mut c_void, owner: *mut c_void) -> c_int {
    if is_openssls(owner) {
        return 0;
    }
    // SAFETY: the C library's function has this signature, and there is no C library without it.
    unsafe {
        let next = libc::dlsym(libc::RTLD_NEXT, c"__cxa_atexit".as_ptr());
        if next.is_null() {
            return -1;
        }
        std::mem::transmute::<*mut c_void, Register>(next)(function, data, owner)
    }
}

/// Whether an address is in OpenSSL.
fn is_openssls(address: *mut c_void) -> bool {
    let mut about = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: the structure is the call's to fill in, and zeros are a value of it; the name lives as
    // long as the library.
    unsafe {
        if libc::dladdr(address, about.as_mut_ptr()) == 0 {
            return false;
        }
        let name = about.assume_init().dli_fname;
        if name.is_null() {
            return false;
        }
        let name = CStr::from_ptr(name).to_bytes();
        let last = name.rsplit(|&byte| byte == b'/').next();
        last.is_some_and(|last| last.starts_with(b"libcrypto.so"))
    }
}
