//! What went wrong in an exchange: a status for the client, a sentence and a traceback for the log.

use std::sync::OnceLock;

use crate::Fault;

/// A failed exchange.
#[derive(Debug)]
pub struct Failure {
    /// The status that the client gets, if it is not too late.
    pub code: u16,
    /// One line: the value, the cause, the remedy.
    pub summary: String,
    /// Python's traceback, where an exception was the cause.
    pub traceback: Option<String>,
    /// What was being done, where an exception was the cause; else the summary.
    pub what: Box<str>,
    /// What the operator can do about it, if that is known.
    pub advice: Option<Box<str>>,
    /// Whether the log has said so already.
    pub is_logged: bool,
    /// The exception with its frames, once they were collected.
    pub fault: OnceLock<Box<Fault>>,
}

impl Failure {
    /// A failure without an exception.
    #[must_use]
    pub fn new(code: u16, summary: impl Into<String>) -> Self {
        let summary = summary.into();
        Self {
            code,
            what: summary.as_str().into(),
            summary,
            traceback: None,
            advice: None,
            is_logged: false,
            fault: OnceLock::new(),
        }
    }

    /// The same, which the log has said already.
    #[must_use]
    pub fn logged(self) -> Self {
        Self {
            is_logged: true,
            ..self
        }
    }
}
