//! The `wsgi-cgi` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    wsgi_cgi::run()
}
