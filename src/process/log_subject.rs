//! The script and the request that this process's log entries begin with, so that an entry can be understood without
//! the lines before it.

use std::ffi::OsStr;
use std::sync::RwLock;

use crate::report::one_line;

static SUBJECT: RwLock<String> = RwLock::new(String::new());

/// The text that names a request in log entries: `/srv/shop.cgi: GET /cart`.
#[must_use]
pub fn named(script: Option<&OsStr>, method: &[u8], path: &[u8]) -> String {
    let script = script.filter(|script| !script.is_empty());
    let script = script.map_or(String::new(), |script| {
        format!("{}: ", one_line(&script.to_string_lossy()))
    });
    format!("{script}{} {}", method.escape_ascii(), path.escape_ascii())
}

/// From now on log entries begin with this text.
pub fn set(subject: &str) {
    if let Ok(mut place) = SUBJECT.write() {
        subject.clone_into(&mut place);
    }
}

/// The start of a log entry: the subject and `: `. Empty if there is no subject, or if the lock is held, as in a
/// process that was forked while another thread set the subject.
#[must_use]
pub fn prefix() -> String {
    match SUBJECT.try_read() {
        Ok(subject) if !subject.is_empty() => format!("{subject}: "),
        _ => String::new(),
    }
}
