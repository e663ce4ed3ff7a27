//! What `request` shows besides the answer: the events of the exchange as they happen, and where
//! the time went. Both are observers; neither knows Python or a transport.

mod flame;
mod imports;
mod story;
mod timing;

use std::sync::Arc;

use exchange::{Event, Observer};

pub use flame::{Call, draw};
pub use imports::Import;
pub use story::Story;
pub use timing::Timing;

/// Several observers as one.
#[derive(Debug)]
pub struct All(pub Vec<Arc<dyn Observer>>);

impl Observer for All {
    fn observe(&self, event: Event<'_>) {
        for observer in &self.0 {
            observer.observe(event);
        }
    }
}

/// Milliseconds, as they are shown everywhere.
fn milliseconds(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
