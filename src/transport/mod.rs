//! The doors: each makes a `Request` out of what it was handed and writes the response its way.
//! No transport knows Python.

pub mod action;
pub mod cgi;
pub mod http;
pub mod invocation;
pub mod one_shot;
pub mod recorded;
mod script_names;
pub mod server;
pub mod split;
pub mod terminal;
pub mod wire;
