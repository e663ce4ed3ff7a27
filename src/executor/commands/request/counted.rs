//! Counts for `-w` while the answer is written.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use exchange::{Event, Observer};

/// How much content was written, and when the head was.
#[derive(Debug)]
pub(super) struct Counted {
    start: Instant,
    to_head: OnceLock<Duration>,
    content: AtomicU64,
}

impl Counted {
    /// Starts at zero; `start` is when the program began.
    pub(super) fn begin(start: Instant) -> Self {
        Self {
            start,
            to_head: OnceLock::new(),
            content: AtomicU64::new(0),
        }
    }

    /// The time since the program began.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// The time from the start of the program to the head.
    pub(super) fn to_head(&self) -> Duration {
        self.to_head.get().copied().unwrap_or_default()
    }

    /// Bytes of content.
    pub(super) fn content(&self) -> u64 {
        self.content.load(Ordering::Relaxed)
    }
}

impl Observer for Counted {
    fn observe(&self, event: Event<'_>) {
        let more = match event {
            Event::HeadSent(first) => {
                _ = self.to_head.set(self.start.elapsed());
                first as u64
            }
            Event::Sent(more) => more,
            _ => return,
        };
        self.content.fetch_add(more, Ordering::Relaxed);
    }
}
