//! The `wsgi-cgi` program; everything is in the library.

use std::process::ExitCode;

/// The standard library refers to this function weakly; without a reference that is not weak, the
/// program's own would be bound so too when all is optimised together, which the compiler warns of.
#[cfg(target_arch = "x86_64")]
#[used]
static DRAWS: unsafe extern "C" fn(*mut u8, usize, u32) -> isize =
    wsgi_cgi::process::draws::getrandom;

fn main() -> ExitCode {
    wsgi_cgi::run()
}
