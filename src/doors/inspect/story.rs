//! The story of an exchange, a line a step, written when it happens:
//!
//! ```text
//!       ms     +ms
//!     14.1    +0.1      the application is called
//!    214.3  +200.2  **  start_response("200 OK", 1 header)
//!    214.4    +0.1      block 1: empty, so the head is not sent yet
//!    414.6  +200.2  **  block 2: 7 bytes
//!    414.7    +0.1        -> the client has the head and 7 bytes
//! ```
//!
//! What reaches the client is indented, which shows what is held back; stars mark a step that took
//! long: one from 10 ms, two from 100 ms, three from a second.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::milliseconds;
use exchange::{Event, Observer};
use process::open_line;

/// Unlike a block of the iterable, an empty one sends the head.
const WRITE: &str = "write()";

/// Writes the story.
#[derive(Debug)]
pub struct Story(Mutex<Told>);

#[derive(Debug)]
struct Told {
    output: std::fs::File,
    coloured: bool,
    start: Instant,
    last: Instant,
    called: Option<Instant>,
    returned: bool,
    blocks: usize,
    head_sent: bool,
    sent: u64,
}

impl Story {
    /// Begins one that is written to `output`; `start` is when the program began.
    #[must_use]
    pub fn begin(output: std::fs::File, coloured: bool, start: Instant) -> Self {
        let told = Told {
            output,
            coloured,
            start,
            last: start,
            called: None,
            returned: false,
            blocks: 0,
            head_sent: false,
            sent: 0,
        };
        _ = writeln!(&told.output, "      ms     +ms");
        Self(Mutex::new(told))
    }

    /// Adds a line that comes from no event.
    pub fn tell(&self, text: &str) {
        if let Ok(mut told) = self.0.lock() {
            told.line(text, false);
        }
    }
}

impl Observer for Story {
    fn observe(&self, event: Event<'_>) {
        let Ok(mut told) = self.0.lock() else {
            return;
        };
        let to_client = matches!(event, Event::HeadSent(_) | Event::Sent(_) | Event::Ended);
        let text = told.words(event);
        told.line(&text, to_client);
    }
}

impl Told {
    fn words(&mut self, event: Event<'_>) -> String {
        match event {
            Event::InterpreterStarted => "Python has started".to_owned(),
            Event::ApplicationLoaded => "the application is imported".to_owned(),
            Event::EnvironMade(entries) => format!("the environ is made: {entries} entries"),
            Event::Called => {
                self.called = Some(Instant::now());
                "the application is called".to_owned()
            }
            Event::Returned(kind) => {
                self.returned = true;
                format!("it returned: {kind}")
            }
            Event::StartResponse {
                status,
                headers,
                replaced,
            } => self.start_response(status, headers, replaced),
            Event::Block(bytes) => {
                self.blocks += 1;
                self.block(&format!("block {}", self.blocks), bytes)
            }
            Event::Write(bytes) => self.block(WRITE, bytes),
            Event::File(0) => "what it returned is a file, sent whole".to_owned(),
            Event::File(position) => {
                format!("what it returned is a file, sent from byte {position}")
            }
            Event::Read(method, bytes) => format!("wsgi.input.{method}(): {}", counted(bytes)),
            Event::HeadSent(bytes) => {
                self.head_sent = true;
                self.sent += bytes as u64;
                match bytes {
                    0 => "the client has received the head".to_owned(),
                    _ => format!("the client has received the head and {}", counted(bytes)),
                }
            }
            Event::Sent(bytes) => {
                self.sent += bytes;
                format!("the client has received {bytes} more bytes")
            }
            Event::Ended => format!("the response has ended: {} bytes in all", self.sent),
            Event::Closed(true) => "close()".to_owned(),
            Event::Closed(false) => "what it returned has no close()".to_owned(),
            Event::Failed(summary) => format!("FAILED: {summary}"),
            Event::ClientGone => "the client has disconnected".to_owned(),
            Event::InterpreterEnded => "Python has ended".to_owned(),
        }
    }

    fn start_response(&self, status: &[u8], headers: usize, replaced: bool) -> String {
        let plural = if headers == 1 { "" } else { "s" };
        let mut text = format!(
            "start_response(\"{}\", {headers} header{plural})",
            status.escape_ascii()
        );
        if replaced {
            text.push_str(", replacing the earlier one");
        }
        // The application may be a generator function: nothing of it runs before the first block.
        if let Some(called) = self.called.filter(|_| self.returned) {
            let late = milliseconds(called.elapsed());
            _ = write!(text, ", {late:.1} ms after the call");
        }
        text
    }

    fn block(&self, what: &str, bytes: usize) -> String {
        match (bytes, self.head_sent || what == WRITE) {
            (0, false) => format!("{what}: empty, so the head is not sent yet"),
            (0, true) => format!("{what}: empty"),
            _ => format!("{what}: {}", counted(bytes)),
        }
    }

    fn line(&mut self, text: &str, to_client: bool) {
        let now = Instant::now();
        let since = now - self.last;
        self.last = now;
        let at = milliseconds(now - self.start);
        let stars = match since {
            since if since >= Duration::from_secs(1) => "***",
            since if since >= Duration::from_millis(100) => "**",
            since if since >= Duration::from_millis(10) => "*",
            _ => "",
        };
        let arrow = if to_client { "  -> " } else { "" };
        let colour = match stars {
            _ if text.starts_with("FAILED") => "\x1b[31m",
            "**" | "***" => "\x1b[33m",
            _ if to_client => "\x1b[32m",
            _ => "",
        };
        let new_line = open_line::end();
        let (colour, plain) = if self.coloured && !colour.is_empty() {
            (colour, "\x1b[0m")
        } else {
            ("", "")
        };
        let line = format!(
            "{new_line}{colour}{at:8.1}{:>+8.1}  {stars:<3} {arrow}{text}{plain}\n",
            milliseconds(since)
        );
        _ = self.output.write_all(line.as_bytes());
    }
}

fn counted(bytes: usize) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek};

    /// The story without its times.
    fn story(events: &[Event<'_>]) -> Vec<String> {
        let mut file = tempfile::tempfile().expect("a file");
        let output = file.try_clone().expect("a descriptor");
        let story = Story::begin(output, false, Instant::now());
        for event in events {
            story.observe(*event);
        }
        let mut text = String::new();
        file.rewind().expect("a position");
        file.read_to_string(&mut text).expect("text");
        let lines = text.lines().skip(1);
        lines.map(|line| line[22..].to_owned()).collect()
    }

    #[test]
    fn a_block_that_is_held_back_is_visible() {
        let head = |replaced| Event::StartResponse {
            status: b"200 OK",
            headers: 1,
            replaced,
        };
        let told = story(&[
            head(false),
            head(true),
            Event::Block(0),
            Event::Block(1),
            Event::HeadSent(1),
            Event::Block(0),
            Event::Write(3),
            Event::Sent(2),
            Event::Ended,
        ]);
        assert_eq!(
            told,
            [
                "start_response(\"200 OK\", 1 header)",
                "start_response(\"200 OK\", 1 header), replacing the earlier one",
                "block 1: empty, so the head is not sent yet",
                "block 2: 1 byte",
                "  -> the client has received the head and 1 byte",
                "block 3: empty",
                "write(): 3 bytes",
                "  -> the client has received 2 more bytes",
                "  -> the response has ended: 3 bytes in all",
            ]
        );
    }

    #[test]
    fn a_late_head_is_visible() {
        let start_response = Event::StartResponse {
            status: b"200 OK",
            headers: 2,
            replaced: false,
        };
        let told = story(&[Event::Called, Event::Returned("generator"), start_response]);
        assert_eq!(told[1], "it returned: generator");
        assert!(told[2].ends_with(" ms after the call"), "{told:?}");
    }
}
