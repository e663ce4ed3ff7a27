//! Everything that names Python: the embedded interpreter, finding the application, and the call.
//!
//! The order of a request: `venv` (which packages), `interpreter` (start), `application` (load),
//! `gateway` (call, send, close), `interpreter` (end).

mod application;
mod arenas;
mod bytecode;
mod callable;
mod collection;
mod environ;
mod failure;
mod fault;
mod file_wrapper;
mod gateway;
mod inspection;
mod interpreter;
mod loading;
mod open_code;
mod script_file;
mod snapshot;
mod start_response;
mod streams;
mod venv;
mod way_out;
mod worker;

pub use application::{Application, Loaded, load};
pub use arenas::{keep_room, without_huge_pages};
pub use bytecode::{keep_bytecode, kept_bytecode};
pub use environ::shown_environ;
pub use failure::Failure;
pub use gateway::{Gateway, OnFailure, Outcome};
pub use inspection::{Inspection, Watch};
pub use interpreter::{Interpreter, attach};
pub use loading::Inside;
pub use snapshot::{EnvironmentRead, Recorded, Sleeper, leave, record_reading};
pub use venv::{Packages, Venv};
pub use worker::{
    Ahead, Side, content_type, fork, loaded_files, prepare, set_environment, set_length, settle,
};
