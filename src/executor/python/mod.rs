//! Everything that names Python: the interpreter that this is a module of, finding the application, and
//! the call.
//!
//! The order of a request: `interpreter` and `site` (readying it), `application` (load), `gateway` (call,
//! send, close), `way_out` and `interpreter` (end).

mod allowed_hosts;
mod application;
mod arenas;
mod beyond_abi3;
mod bytecode;
mod callable;
pub mod check;
mod collection;
mod detached;
mod environ;
mod failure;
mod fault;
mod file_wrapper;
mod gateway;
mod heap;
mod image;
mod import_error;
mod import_times;
mod inspection;
mod interpreter;
mod loading;
mod open_code;
mod own_module;
mod profile;
mod script_file;
mod site;
mod start_response;
mod streams;
mod way_out;
mod worker;

pub use application::{Application, Loaded, load};
pub use arenas::{reserve_memory, without_huge_pages};
pub use beyond_abi3::{
    MEMORY_DOMAINS, MemoryFunctions, memory_functions, resolve_symbols, set_memory_functions,
};
pub use bytecode::{keep_bytecode, kept_bytecode};
pub use environ::{call_again, shown_environ};
pub use failure::Failure;
pub use gateway::{Gateway, OnFailure, Outcome};
pub use image::{EnvironmentRead, PythonState, Recorded, idle_databases, leave, record_reading};
pub use import_times::import_times;
pub use inspection::{Inspection, Watch};
pub use interpreter::{Interpreter, attach, is_interrupted, make_ready};
pub use loading::OnHandlerCall;
pub use profile::{begin_profile, end_profile, profile};
pub use worker::{
    Prepared, Side, begin, content_type, fork, fork_for_child, loaded_files, prepare,
    prepare_for_copies, set_environment, set_length,
};
