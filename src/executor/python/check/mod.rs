//! `wsgi-cgi check` in Python: an application is called as by a strict gateway, and all its mistakes
//! are recorded. The call then continues as with the most lenient gateway.
//!
//! - `notes`, `place`: what was found, and where in the application.
//! - `environ`, `start_response`, `write`, `input`, `errors`, `files`: the objects passed to the application.
//! - `exchange`, `raised`, `timed`: one call, its iterable and its end. `side_effects`, `processes`, `printed`:
//!   side effects on the process.
//! - `planned`: turns the series of requests into calls. `document`: files that Python reads.
//! - `function`: `wsgi_cgi.check` for tests in Python.

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
mod processes;
mod raised;
mod side_effects;
mod start_response;
mod timed;
mod write;

pub use document::read as read_document;
pub use exchange::Manner;
pub use function::{Finding, check};
pub use place::{callable_place, in_traceback as place_in_traceback};
pub use planned::{Plan, Planned};
pub use timed::{call, call_in_time};
