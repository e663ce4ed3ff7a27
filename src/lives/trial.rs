//! The life of a process that restores an image which has no name yet, to see whether it can be.

use std::ffi::c_int;
use std::path::Path;

use crate::restoring::attempt::open;
use crate::restoring::started::Started;
use image::branch::Handoff;
use image::restore::restore;
use image::store::head_of;

/// Becomes the restored process; the exit status where it cannot.
pub(crate) fn run(started: &Started) -> c_int {
    let named = started.arguments.get(1);
    let path = named.map_or(Path::new(""), Path::new);
    let handoff = Handoff {
        environment: started.environment.as_ptr(),
        image: std::ptr::null(),
        trial: 1,
        learns: 0,
        claim: std::ptr::null_mut(),
        began: 0,
        spent: 0,
        cold: None,
    };
    let why = match open(path) {
        Ok(image) => match head_of(&image) {
            Some(head) => match restore(image, &head, started.vdso_code, &handoff) {
                Err(failure) => failure.reason,
                Ok(never) => match never {},
            },
            None => "the image is damaged".into(),
        },
        Err(error) => error.to_string(),
    };
    eprintln!("wsgi-cgi: {why}");
    1
}
