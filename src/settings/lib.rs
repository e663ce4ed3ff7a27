//! The settings: how the server started this program (`invocation`), the table of options
//! (`options`), the command line (`cli`), the settings that follow from them (`config`, `decided`),
//! and which Python to use (`python`). No Python runs here, and no request is answered.
#![forbid(unsafe_code)]

pub mod action;
pub mod cli;
pub mod config;
pub mod decided;
pub mod did_you_mean;
pub mod invocation;
pub mod options;
pub mod origins;
mod passed_on;
pub mod permissions;
pub mod python;
mod script_names;
pub mod split;
pub mod version_specifier;
