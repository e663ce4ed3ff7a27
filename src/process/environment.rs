//! The environment of this process, replaced by the one that a server would give its script, so
//! that Python, its modules and the programs they start see the request where a CGI script sees it.

use std::ffi::{CStr, CString, c_char};
use std::sync::atomic::{AtomicBool, Ordering};

use exchange::MetaVariables;

/// The file that the kernel was asked to execute (`AT_EXECFN`): a script, where its first line names
/// this program.
#[must_use]
pub fn executed() -> &'static CStr {
    // SAFETY: null, or a string of the kernel's, which stays where it is.
    unsafe {
        let name = libc::getauxval(libc::AT_EXECFN) as *const c_char;
        if name.is_null() {
            c""
        } else {
            CStr::from_ptr(name)
        }
    }
}

/// Python sets it in its own environment where the server gives no language (PEP 538).
pub const LANGUAGE: &str = "LC_CTYPE";

/// Makes the dynamic linker load the executor before everything else (ld.so(8)), so that its
/// functions replace the C library's, in a process that makes an image.
pub const PRELOAD: &str = "LD_PRELOAD";

/// Replaces the environment. Has to be called before any thread starts.
pub fn replace(with: &MetaVariables) {
    // Names that an environment cannot hold are left out: a server could not have set them.
    let held = with
        .iter()
        .filter(|(name, _)| !name.is_empty() && !name.contains(&b'='));
    let entries = held.filter_map(|(name, value)| CString::new([name, b"=", value].concat()).ok());
    // All at once: `setenv` takes time proportional to the variables that are set.
    let mut list: Vec<*mut c_char> = entries.map(CString::into_raw).collect();
    list.push(std::ptr::null_mut());
    // SAFETY: the process has one thread yet, which the caller sees to, so that nobody reads the
    // environment meanwhile. The list ends with a null pointer, and neither it nor an entry is ever
    // freed; the C library copies a list that is not its own before it changes anything.
    unsafe { environ = Box::leak(list.into_boxed_slice()).as_mut_ptr() };
    CHANGED.store(true, Ordering::Release);
}

/// Whether the environment was changed since the start; a Python that runs already has a copy of
/// the old one.
static CHANGED: AtomicBool = AtomicBool::new(false);

/// Whether it was changed since the last call.
pub fn has_changed() -> bool {
    CHANGED.swap(false, Ordering::AcqRel)
}

/// Sets the length of the request's body, which is no longer chunked. Has to be called before any
/// thread starts.
pub fn set_length(length: &[u8]) {
    if let Ok(length) = CString::new(length) {
        // SAFETY: C strings, which are copied; the process has one thread yet.
        unsafe {
            libc::setenv(c"CONTENT_LENGTH".as_ptr(), length.as_ptr(), 1);
            libc::unsetenv(c"HTTP_TRANSFER_ENCODING".as_ptr());
        }
        CHANGED.store(true, Ordering::Release);
    }
}

unsafe extern "C" {
    /// POSIX, "Environment Variables": a process may assign it.
    static mut environ: *mut *mut c_char;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a process of its own: the environment is everybody's.
    #[test]
    fn all_of_it_is_replaced_and_can_be_changed_after() {
        let pairs = [
            ("A", "1"),
            ("B", ""),
            ("", "x"),
            ("C=D", "x"),
            ("E", "x\0y"),
        ];
        let pairs =
            pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        // SAFETY: the child makes no use of another thread's things, and ends at once.
        let child = unsafe { libc::fork() };
        if child == 0 {
            replace(&MetaVariables::from_pairs(pairs));
            // SAFETY: the child has one thread.
            unsafe {
                std::env::set_var("F", "2");
                std::env::remove_var("A");
            }
            let left: Vec<_> = std::env::vars().collect();
            let expected = [
                ("B".to_owned(), String::new()),
                ("F".to_owned(), "2".to_owned()),
            ];
            // SAFETY: ends the child.
            unsafe { libc::_exit((left != expected).into()) };
        }
        let mut status = 1;
        // SAFETY: the number is the child's, the pointer to a local.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(status, 0);
    }
}
