//! The doors: each makes a `Request` out of what it was handed and writes the response its way.
//! No transport knows Python.

pub mod action;
pub mod cgi;
pub mod http;
pub mod invocation;
pub mod split;
pub mod wire;
