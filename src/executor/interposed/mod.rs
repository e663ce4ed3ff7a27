//! Functions of this library that come before the C library's of the same name, for every library that is
//! loaded: in a process that makes an image, where this library is loaded before all others (`LD_PRELOAD`).
//! Anywhere else nobody calls them.

mod at_exit;
pub(crate) mod at_fork;
pub(crate) mod draws;

use std::os::unix::ffi::OsStrExt;

use exchange::MetaVariables;
use process::environment::PRELOAD;

/// Takes out by which the executor was loaded before everything else; what stood there besides stays.
pub(crate) fn take_preloaded(meta: &mut MetaVariables) {
    let Some(own) = draws::own_file() else { return };
    let Some(value) = meta.get(PRELOAD) else {
        return;
    };
    match value.strip_prefix(own.as_os_str().as_bytes()) {
        Some([]) => meta.remove(PRELOAD),
        Some([b':', rest @ ..]) => {
            let rest = rest.to_vec();
            meta.set(PRELOAD, rest);
        }
        _ => {}
    }
}
