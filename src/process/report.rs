//! What the operator is told. Every line to the error log that is not the application's own goes through
//! here, but for those of signal handlers (`last_resort`) and of a trial, whose maker reads them.

mod foreign;

use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use crate::{descriptors, open_line, stamp, subject};

pub use crate::exit::Exit;

pub use foreign::Foreign;

/// Writes one entry to the error log, in one piece, with what would do something to a terminal or a
/// reader of logs escaped; it names the request, once there is one. A log that cannot be written is no
/// reason to fail: there is nowhere left to say so.
pub fn log(entry: &str) {
    write(&subject::prefix(), entry);
}

/// The same for a failure that has an id, of the request that is named.
pub fn log_failure(id: &str, request: &str, entry: &str) {
    write(&format!("error {id}: {request}: "), entry);
}

fn write(prefix: &str, entry: &str) {
    let mut line = String::with_capacity(prefix.len() + entry.len() + 64);
    line.push_str(open_line::end());
    line.push_str(std::str::from_utf8(stamp::of_entry().as_bytes()).unwrap_or_default());
    line.push_str("wsgi-cgi: ");
    line.push_str(prefix);
    push_escaped(entry.trim_end(), &mut line);
    line.push('\n');
    _ = std::io::stderr().write_all(line.as_bytes());
}

/// Has the error log go to this file from now on, each entry with its time; where it cannot be written, that
/// is said in the log that there is.
pub fn log_to(file: &Path) {
    match descriptors::log_to(file) {
        Ok(()) => stamp::always(),
        Err(error) => log_error(
            &anyhow::anyhow!(error).context(format!("`{}` cannot be written", file.display())),
        ),
    }
}

/// Only a newline of the entry's own begins a line.
fn push_escaped(text: &str, to: &mut String) {
    for character in text.chars() {
        match character {
            '\n' | '\t' => to.push(character),
            _ if is_obeyed(character) => to.extend(character.escape_default()),
            _ => to.push(character),
        }
    }
}

/// Whether a terminal or an editor does something with it, rather than show it: control characters,
/// other ends of lines, and what turns the direction of text (Unicode Standard Annex 9).
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// A text of somebody else's, in one line.
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
