//! The error log. Every entry that is not the application's own is written here, but for those of
//! signal handlers (`last_resort`) and of a trial, whose maker reads them.

mod application_text;

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use crate::clock::Clock;
use crate::{descriptors, log_subject, log_time, open_line};
use exchange::json::quoted;

pub use crate::exit::Exit;

pub use application_text::Foreign;

/// Whether each entry is a JSON object.
static IN_JSON: AtomicBool = AtomicBool::new(false);

/// From now on each entry is one line with a JSON object: `time` and `message`.
pub fn write_json() {
    IN_JSON.store(true, Ordering::Relaxed);
}

/// Whether each entry is a JSON object. Safe in a signal handler.
pub fn is_json() -> bool {
    IN_JSON.load(Ordering::Relaxed)
}

/// Writes one entry to the error log, in one piece, with characters escaped that a terminal or a
/// reader of logs would obey. The entry names the request, once there is one. Where the log cannot be
/// written the error is ignored: there is nowhere left to report it.
pub fn log(entry: &str) {
    write(&log_subject::prefix(), entry);
}

/// The same for the failure of a named request, with the error ID of its page.
pub fn log_failure(id: &str, request: &str, entry: &str) {
    write(&format!("error {id}: {request}: "), entry);
}

fn write(prefix: &str, entry: &str) {
    let mut line = String::with_capacity(prefix.len() + entry.len() + 64);
    line.push_str(open_line::end());
    if is_json() {
        let mut message = String::new();
        message.push_str(prefix);
        push_escaped(entry.trim_end(), &mut message);
        let (time, message) = (Clock::of(SystemTime::now()).as_iso(), quoted(&message));
        let entry = format!("{{\"time\":\"{time}\",\"message\":{message}}}\n");
        line.push_str(&entry);
        _ = std::io::stderr().write_all(line.as_bytes());
        return;
    }
    line.push_str(std::str::from_utf8(log_time::entry_prefix().as_bytes()).unwrap_or_default());
    line.push_str("wsgi-cgi: ");
    line.push_str(prefix);
    push_escaped(entry.trim_end(), &mut line);
    line.push('\n');
    _ = std::io::stderr().write_all(line.as_bytes());
}

/// From now on the error log goes to the end of this file, each entry with its time. If the file cannot be
/// opened, the log stays where it is and says so.
pub fn log_to(file: &Path) {
    after_opening(descriptors::log_to(file), file);
}

/// The same for a process whose standard output is not part of the log. Call it again to reopen the log after
/// the file was renamed.
pub fn errors_to(file: &Path) {
    after_opening(descriptors::errors_to(file), file);
}

fn after_opening(opened: io::Result<()>, file: &Path) {
    match opened {
        Ok(()) => log_time::always(),
        Err(error) => {
            let remedy = match error.kind() {
                io::ErrorKind::NotFound => ": create its folder".to_owned(),
                io::ErrorKind::PermissionDenied => format!(
                    ": let the user with UID {} write to it, and enter its folder",
                    rustix::process::geteuid().as_raw()
                ),
                _ => String::new(),
            };
            let file = file.display();
            log(&one_line(&format!(
                "cannot open the log `{file}`: {error}{remedy}"
            )));
        }
    }
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
