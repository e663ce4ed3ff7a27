//! The state of one exchange while it runs, and what was found so far. Python must not be called while
//! it is locked.

use std::sync::{Mutex, MutexGuard};

use pyo3::prelude::*;
use pyo3::types::PyList;

use checking::answer::KEPT;
use checking::rules::{self, Rule, Seen};
use checking::{Answer, Finding};

/// The phase of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The application was called and has not returned.
    Called,
    /// Its iterable is being read.
    Iterated,
    /// `close()` was called, or there is nothing more to do.
    Ended,
}

/// The notes of one exchange: all recorders write to them.
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
    /// The exception that start_response raised again, and where it was called.
    pub(super) raised: Option<(Py<PyAny>, String)>,
    /// Attributes that the application looked up in streams and that PEP 3333 does not define.
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
        self.state.lock().expect("not poisoned")
    }

    /// Records that a rule was broken.
    pub(super) fn found(&self, rule: &'static Rule, place: &str, message: impl Into<String>) {
        self.state().found.push(Finding {
            rule,
            place: place.to_owned(),
            request: self.request.clone(),
            message: message.into(),
            times: 1,
        });
    }

    /// The same, for each in a list.
    pub(super) fn seen(&self, place: &str, seen: Vec<Seen>) {
        for (rule, message) in seen {
            self.found(rule, place, message);
        }
    }

    /// Records content; `place` is called only if it came before start_response.
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

    /// Whether a break of that rule was recorded.
    pub(super) fn has(&self, rule: &Rule) -> bool {
        self.state()
            .found
            .iter()
            .any(|finding| finding.rule == rule)
    }
}
