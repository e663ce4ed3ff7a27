//! The doors: each makes a `Request` out of what it was handed and writes the response its way; and
//! what is said and kept where an exchange fails. No door knows Python.

pub mod cgi;
pub mod http;
pub mod incident;
pub mod inspect;
pub mod one_shot;
pub mod opened;
pub mod record;
pub mod recorded;
pub mod scgi;
pub mod server;
pub mod terminal;
pub mod wire;
