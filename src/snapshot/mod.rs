//! The image of a process that has loaded an application: writing it, and waking up in it. The
//! launcher, `src/bin/wsgi-cgi-snap.rs`, checks images and maps them; it has no Python.
//!
//! `place` and `common` (where) · `pace` (how often) · `filter` (what may be called) · `format` (what) · `freshness` (whether it still holds) · `maps` and `image`
//! (writing) · `branch` (where a process goes on after it was restored) · `wake` (what it does
//! first) · `chance` (generators that C libraries have). `start` and `restore` are the launcher's alone.

pub mod branch;
pub mod chance;
pub mod common;
mod encoding;
pub mod filter;
pub mod format;
pub mod freshness;
pub mod image;
pub mod inherited;
pub mod maps;
pub mod observer;
pub mod pace;
pub mod pages;
pub mod place;
pub mod plan;
pub mod process_state;
pub mod processor;
pub mod refusal;
pub mod wake;
pub mod watch;
