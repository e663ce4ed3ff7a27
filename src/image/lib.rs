//! The image of a process that has loaded an application: writing it, keeping it, and continuing from it.
//! There is no Python here, and nothing of a request except its environment.
//!
//! `place` and `cache_folder` (the folder) · `store` and `sweep` (its files, and which are removed) · `pace` and
//! `attempt` (how often one is made) · `format` and `encoding` (the file) · `freshness` (whether it is still
//! valid) · `observer`, `watch` and `basis` (what it depends on) · `refusal` and `process_state` (obstacles) ·
//! `maps`, `plan` and `capture` (writing) · `restore` (from the file to a process) · `branch` (where that
//! process continues) · `saved_state` (what it does first) · `pages` and `learned` (which memory requests write
//! to).

mod arch;
pub mod attempt;
pub mod basis;
pub mod branch;
pub mod cache_folder;
pub mod capture;
mod database;
mod encoding;
pub mod format;
pub mod freshness;
pub mod inherited;
pub mod learned;
pub mod logged_reason;
pub mod maps;
pub mod observer;
pub mod pace;
pub mod pages;
pub mod place;
pub mod plan;
pub mod process_state;
pub mod refusal;
pub mod restore;
pub mod saved_state;
pub mod store;
pub mod sweep;
pub mod watch;
