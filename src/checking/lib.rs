//! `wsgi-cgi check` in plain Rust: the rules of WSGI, the checks of an answer, and the requests to
//! make. Python is not known here; the executor checks what the application does while it is
//! called, and names the rule.
//!
//! - [`rules`]: the table. [`finding`], [`findings`] and [`ignored`]: what was found and how it is shown.
//! - [`status`], [`fields`], [`answer`], [`pair`], [`gateway`]: the checks of an answer.
//! - [`request`], [`series`], [`openapi`]: the requests.
//! - [`messages`]: how the process that calls the application reports.

#![forbid(unsafe_code)]

pub mod answer;
pub mod document;
pub mod fields;
pub mod finding;
pub mod findings;
pub mod gateway;
pub mod ignored;
pub mod messages;
pub mod openapi;
pub mod pair;
pub mod request;
pub mod rules;
pub mod series;
pub mod status;

pub use answer::Answer;
pub use finding::Finding;
pub use findings::Findings;
pub use request::{Asked, Pair, Variant};
pub use rules::{Rule, Severity};
pub use series::Series;
