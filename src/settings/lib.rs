//! What was said and what was decided: how the server started this program (`invocation`), the table of
//! options (`options`), the command line (`cli`), what they come to (`config`, `decided`), and which
//! Python that takes (`python`). No Python runs here, and nothing is answered.
#![forbid(unsafe_code)]

pub mod action;
pub mod cli;
pub mod config;
pub mod decided;
pub mod invocation;
pub mod options;
pub mod python;
pub mod reach;
mod script_names;
pub mod split;
