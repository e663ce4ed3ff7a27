//! `wsgi-cgi` answers one CGI request with a Python WSGI application, embedded through pyo3.
//!
//! ```text
//! who asks                   one exchange                                      who is answered
//! environment + stdin  ┐                                                   ┌ CGI  "Status: 200 OK"
//! command line         ┼> Request ─> environ ─> application ─> Responder ─> ┼ NPH, HTTP "HTTP/1.1 200"
//! socket               ┘                        (head, then blocks)         └ terminal
//! ```
//!
//! Data flows one way. A transport makes a [`exchange::Request`] and lends a
//! [`exchange::ResponseWriter`]; the gateway turns the one into calls on the other and does not
//! know which transport is in use; the writers never see Python.
//!
//! - [`cli`]: what was typed; [`config`]: what was decided.
//! - [`exchange`]: one request and its response in plain Rust.
//! - [`transport`]: where requests come from and responses go.
//! - [`python`]: the interpreter and the application; the only place that names pyo3.
//! - [`process`]: descriptors, environment and signals.
//! - [`inspect`]: what a developer sees of an exchange beyond its answer.
//! - [`commands`]: the stories told with these parts.
//! - [`report`]: what the operator is told.
//! - [`snapshot`]: the image of a loaded application, from which a request is restored.

pub mod cli;
pub mod commands;
pub mod config;
pub mod exchange;
pub mod inspect;
pub mod process;
pub mod python;
pub mod report;
pub mod snapshot;
pub mod transport;

pub use commands::run;
