//! `wsgi-cgi check` in Python: an application is called as a strict gateway would, and everything that it
//! does with what it gets is noted. Nothing stops at a fault: it goes on like the most lenient gateway.
//!
//! - `notes`, `place`: what was found, and where in the application.
//! - `environ`, `start_response`, `write`, `input`, `errors`, `files`: what the application gets.
//! - `exchange`, `raised`, `timed`: one call, its iterable and its end. `around`, `beside`, `printed`: what it does to its
//!   process.
//! - `planned`: from the series of requests to the calls. `document`: files that Python reads.
//! - `function`: `wsgi_cgi.check` for tests in Python.

mod around;
mod beside;
mod document;
mod environ;
mod errors;
mod exchange;
mod files;
mod function;
mod input;
mod notes;
mod place;
mod planned;
mod printed;
mod raised;
mod start_response;
mod timed;
mod write;

pub use document::read as read_document;
pub use exchange::Manner;
pub use function::{Finding, check};
pub use place::{callable_place, in_traceback as place_in_traceback};
pub use planned::{Plan, Planned};
pub use timed::{call, call_in_time};
