//! The doors: each makes a `Request` from its kind of input and writes the response in its form.
//! Also the log entry, the page and the record of an exchange that failed. No door knows Python.

pub mod cgi;
pub mod http;
pub mod incident;
pub mod inspect;
pub mod one_shot;
pub mod open_exchange;
pub mod record;
pub mod recorded;
pub mod scgi;
pub mod server;
pub mod terminal;
pub mod wire;
