//! Functions that replace those of the C library with the same name, in a process that makes an image,
//! where this library is loaded first (`LD_PRELOAD`). In other processes they are not called.

pub(crate) mod at_exit;
pub(crate) mod at_fork;
pub(crate) mod draws;
mod finis;

use std::os::unix::ffi::OsStrExt;

use exchange::MetaVariables;
use process::environment::PRELOAD;

/// Removes the executor from `LD_PRELOAD`; other libraries named there stay.
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
