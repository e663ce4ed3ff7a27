//! The error log. Every entry that is not the application's own is written here, but for those of
//! signal handlers (`last_resort`) and of a trial, whose maker reads them.

mod foreign;

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use crate::clock::Clock;
use crate::{descriptors, open_line};
use exchange::json::quoted;

pub use crate::exit::Exit;

/// Whether entries begin with the time. A server adds it to its own error log, but not to our log
/// file.
static STAMPED: AtomicBool = AtomicBool::new(false);

pub use foreign::Foreign;

/// From now on each entry begins with the time.
pub fn stamp_entries() {
    STAMPED.store(true, Ordering::Relaxed);
}

/// From now on entries are written to the end of that file, under the name that it has now. Where it cannot be
/// opened they stay where they are.
pub fn log_to(file: &Path) {
    match descriptors::errors_to(file) {
        Ok(()) => stamp_entries(),
        Err(error) => log_error(
            &anyhow::Error::new(error).context(format!("`{}` cannot be written", file.display())),
        ),
    }
}

/// Whether each entry is an object of JSON's.
static IN_JSON: AtomicBool = AtomicBool::new(false);

/// From now on each entry is an object of JSON's, in a line of its own: `time` and `message`.
pub fn write_json() {
    IN_JSON.store(true, Ordering::Relaxed);
}

/// Whether it is. Safe in a signal handler.
pub fn is_json() -> bool {
    IN_JSON.load(Ordering::Relaxed)
}

/// Writes one entry to the error log, in one piece, with what would do something to a terminal or a
/// reader of logs escaped. A log that cannot be written is no reason to fail: there is nowhere left to
/// say so.
pub fn log(entry: &str) {
    let mut line = String::with_capacity(entry.len() + 48);
    line.push_str(open_line::end());
    if is_json() {
        let mut message = String::new();
        push_escaped(entry.trim_end(), &mut message);
        let (time, message) = (Clock::of(SystemTime::now()).as_iso(), quoted(&message));
        let entry = format!("{{\"time\":\"{time}\",\"message\":{message}}}\n");
        line.push_str(&entry);
        _ = std::io::stderr().write_all(line.as_bytes());
        return;
    }
    if STAMPED.load(Ordering::Relaxed) {
        line.push('[');
        line.push_str(&httpdate::fmt_http_date(SystemTime::now()));
        line.push_str("] ");
    }
    line.push_str("wsgi-cgi: ");
    push_escaped(entry.trim_end(), &mut line);
    line.push('\n');
    _ = std::io::stderr().write_all(line.as_bytes());
}

/// Escapes all control characters but newlines and tabs.
fn push_escaped(text: &str, to: &mut String) {
    for character in text.chars() {
        match character {
            '\n' | '\t' => to.push(character),
            _ if is_obeyed(character) => to.extend(character.escape_default()),
            _ => to.push(character),
        }
    }
}

/// Whether a terminal or an editor obeys the character instead of showing it: control characters,
/// other line ends, and characters that change the direction of text (Unicode Standard Annex 9).
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// A text from outside, in one line.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    push_escaped(text, &mut line);
    line.replace('\n', "\\n")
}

/// Writes a line that is already complete, to the log file where there is one.
pub fn log_line(line: &[u8], file: Option<&Path>) {
    let opened = file.and_then(|file| descriptors::open_log(file).ok());
    let stamp = httpdate::fmt_http_date(SystemTime::now());
    _ = match opened {
        Some(file) => std::fs::File::from(file)
            .write_all(&[b"[", stamp.as_bytes(), b"] ", line, b"\n"].concat()),
        None => std::io::stderr().write_all(&[line, b"\n"].concat()),
    };
}

/// Writes an error with its causes, `cause: deeper cause`.
pub fn log_error(error: &anyhow::Error) {
    log(&one_line(&format!("{error:#}")));
}

/// An id that names one failed exchange in the page and in the log: 12 hexadecimal digits.
#[must_use]
pub fn error_id() -> String {
    let mut random = [0_u8; 6];
    // Early in a machine's life the kernel may have to wait for randomness; an id needs none.
    if rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::NONBLOCK) != Ok(6) {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        random.copy_from_slice(&now.as_nanos().to_le_bytes()[..6]);
    }
    let number = random
        .iter()
        .fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    format!("{number:012x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ() {
        assert_ne!(error_id(), error_id());
        assert_eq!(error_id().len(), 12);
    }
}
