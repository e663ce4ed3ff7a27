//! What is known of one exchange while it takes place, and what was found so far. Python is never called
//! while it is locked.

use std::sync::{Mutex, MutexGuard};

use pyo3::prelude::*;
use pyo3::types::PyList;

use checking::answer::KEPT;
use checking::rules::{self, Rule, Seen};
use checking::{Answer, Finding};

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The application was called and has not returned.
    Called,
    /// Its iterable is gone through.
    Iterated,
    /// `close()` was called, or there is nothing more to do.
    Ended,
}

/// The notes of one exchange, which everything that the application gets writes to.
pub(super) struct Notes {
    request: String,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) phase: Phase,
    /// How often start_response was called.
    pub(super) calls: usize,
    /// Whether content was sent, and with it the head.
    pub(super) is_sent: bool,
    pub(super) answer: Answer,
    /// The list of headers, and a copy of it.
    pub(super) headers: Option<(Py<PyList>, Py<PyList>)>,
    /// What start_response raised again, and where it was called.
    pub(super) raised: Option<(Py<PyAny>, String)>,
    /// Attributes of streams that PEP 3333 does not have, which were looked for.
    pub(super) looked_for: Vec<(String, String)>,
    found: Vec<Finding>,
}

impl Notes {
    pub(super) fn new(request: &str) -> Self {
        Self {
            request: request.to_owned(),
            state: Mutex::new(State {
                phase: Phase::Called,
                calls: 0,
                is_sent: false,
                answer: Answer::default(),
                headers: None,
                raised: None,
                looked_for: Vec::new(),
                found: Vec::new(),
            }),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it was held")
    }

    /// Takes down that a rule was broken.
    pub(super) fn found(&self, rule: &'static Rule, place: &str, message: impl Into<String>) {
        self.state().found.push(Finding {
            rule,
            place: place.to_owned(),
            request: self.request.clone(),
            message: message.into(),
            times: 1,
        });
    }

    /// The same, for each that was seen.
    pub(super) fn seen(&self, place: &str, seen: Vec<Seen>) {
        for (rule, message) in seen {
            self.found(rule, place, message);
        }
    }

    /// Content on its way, which may have no head; where it comes from is asked for only then.
    pub(super) fn sent(&self, block: &[u8], place: impl FnOnce() -> String) {
        if block.is_empty() {
            return;
        }
        let is_early = {
            let mut state = self.state();
            let is_first = !std::mem::replace(&mut state.is_sent, true);
            let answer = &mut state.answer;
            answer.length += block.len() as u64;
            let room = KEPT.saturating_sub(answer.content.len());
            answer
                .content
                .extend_from_slice(&block[..room.min(block.len())]);
            is_first && state.calls == 0
        };
        if is_early {
            let text = "content came before start_response was called";
            self.found(&rules::START_RESPONSE_LATE, &place(), text);
        }
    }

    /// All that was found so far.
    pub(super) fn take(&self) -> Vec<Finding> {
        std::mem::take(&mut self.state().found)
    }

    /// Whether that rule was seen to be broken.
    pub(super) fn has(&self, rule: &Rule) -> bool {
        self.state()
            .found
            .iter()
            .any(|finding| finding.rule == rule)
    }
}
