//! `wsgi-cgi check` in plain Rust: the rules of WSGI, what an answer shows of them, and the requests that
//! bring it to light. Python is not known here; what the application does while it is called is seen by
//! the executor, which names the rule.
//!
//! - [`rules`]: the table. [`finding`], [`findings`] and [`ignored`]: what was found and how it is told.
//! - [`status`], [`fields`], [`answer`], [`pair`], [`gateway`]: what an answer shows.
//! - [`asked`], [`series`], [`openapi`]: what is asked.
//! - [`told`]: how a process that calls the application tells of it.

#![forbid(unsafe_code)]

pub mod answer;
pub mod asked;
pub mod document;
pub mod fields;
pub mod finding;
pub mod findings;
pub mod gateway;
pub mod ignored;
pub mod openapi;
pub mod pair;
pub mod rules;
pub mod series;
pub mod status;
pub mod told;

pub use answer::Answer;
pub use asked::{Asked, Pair, Variant};
pub use finding::Finding;
pub use findings::Findings;
pub use rules::{Gravity, Rule};
pub use series::Series;
