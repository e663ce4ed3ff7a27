//! Where the time of an exchange went, phase by phase, as bars.

use std::fmt::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::imports::{self, Import};
use super::milliseconds;
use exchange::{Event, Observer};

/// The width of the longest bar.
const BAR: u64 = 24;

/// How many imports are shown.
const IMPORTS: usize = 10;

/// An import that takes less than this, in microseconds, is not shown.
const WORTH_SHOWING: u64 = 100;

/// The ends of the phases, in this order.
#[derive(Clone, Copy, Debug)]
enum End {
    Interpreter,
    Import,
    Call,
    FirstByte,
    Body,
    Teardown,
    /// No phase of its own.
    Failed,
}

/// Notes when each phase of an exchange ends.
#[derive(Debug)]
pub struct Timing {
    start: Instant,
    ends: Mutex<[Option<Instant>; 6]>,
}

impl Timing {
    /// Begins; `start` is when the program began.
    #[must_use]
    pub fn begin(start: Instant) -> Self {
        Self {
            start,
            ends: Mutex::default(),
        }
    }

    /// The table, given the time that `site` took and the imports after it.
    #[must_use]
    pub fn table(&self, site: Duration, imports: &[Import]) -> String {
        let phases = self.phases(site);
        let mut text = phase_table(&phases);
        let mut shown: Vec<Import> = imports::slowest(imports, IMPORTS);
        shown.retain(|import| import.whole >= WORTH_SHOWING);
        if !shown.is_empty() {
            _ = writeln!(
                text,
                "\n{:<32} {:>8} {:>8}",
                "the slowest imports", "ms", "own"
            );
            text.push_str(&imports::table(&shown));
        }
        text
    }

    /// Each phase ends where the next begins; one that did not happen takes no time.
    fn phases(&self, site: Duration) -> Vec<(&'static str, Duration)> {
        let ends = *self.ends.lock().expect("no panic while it was held");
        let mut last = self.start;
        let names = [
            "interpreter",
            "import",
            "call",
            "first byte",
            "body",
            "teardown",
        ];
        let mut phases = Vec::new();
        for (name, end) in names.into_iter().zip(ends) {
            let end = end.unwrap_or(last).max(last);
            phases.push((name, end - last));
            last = end;
        }
        let interpreter = phases[0].1;
        let site = site.min(interpreter);
        phases[0].1 = interpreter.saturating_sub(site);
        phases.insert(1, ("site", site));
        phases
    }
}

impl Observer for Timing {
    fn observe(&self, event: Event<'_>) {
        let end = match event {
            Event::InterpreterStarted => End::Interpreter,
            // A script that calls its application itself is still being loaded then.
            Event::ApplicationLoaded | Event::Called => End::Import,
            Event::Returned(_) => End::Call,
            Event::HeadSent(_) => End::FirstByte,
            Event::Ended => End::Body,
            Event::InterpreterEnded => End::Teardown,
            // It ends the phase that it happened in.
            Event::Failed(_) => End::Failed,
            _ => return,
        };
        let now = Instant::now();
        if let Ok(mut ends) = self.ends.lock() {
            let end = match end {
                End::Failed => ends.iter_mut().find(|end| end.is_none()),
                end => ends.get_mut(end as usize),
            };
            if let Some(end) = end {
                end.get_or_insert(now);
            }
        }
    }
}

fn phase_table(phases: &[(&'static str, Duration)]) -> String {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let longest = phases
        .iter()
        .map(|(_, time)| micros(*time))
        .max()
        .unwrap_or(0);
    let mut text = format!("{:<32} {:>8}\n", "where the time went", "ms");
    for (name, time) in phases {
        let bar = bar(micros(*time), longest);
        _ = writeln!(
            text,
            "{name:<32} {:>8.1}           {bar}",
            milliseconds(*time)
        );
    }
    let all: Duration = phases.iter().map(|(_, time)| *time).sum();
    _ = writeln!(text, "{:<32} {:>8.1}", "all", milliseconds(all));
    text
}

/// A bar for `value` where `longest` has the whole width; any value above 0 has at least one mark.
pub(super) fn bar(value: u64, longest: u64) -> String {
    let length = (value * BAR).div_ceil(longest.max(1));
    "#".repeat(usize::try_from(length.min(BAR)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_add_up() {
        let start = Instant::now();
        let timing = Timing::begin(start);
        for event in [
            Event::InterpreterStarted,
            Event::ApplicationLoaded,
            // write() before the call returns.
            Event::HeadSent(1),
            Event::Returned("list"),
            Event::Sent(3),
            Event::Ended,
            Event::InterpreterEnded,
        ] {
            timing.observe(event);
        }
        let phases = timing.phases(Duration::from_nanos(1));
        assert_eq!(phases.len(), 7);
        assert_eq!(phases[1], ("site", Duration::from_nanos(1)));
        let ends = timing.ends.lock().expect("whole");
        let all: Duration = phases.iter().map(|(_, time)| *time).sum();
        assert_eq!(Some(start + all), ends[5]);
    }

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert_eq!(bar(0, 100), "");
        assert_eq!(bar(1, 100), "#");
        assert_eq!(bar(50, 100).len(), 12);
        assert_eq!(bar(100, 100).len(), 24);
        assert_eq!(bar(0, 0), "");
    }
}
