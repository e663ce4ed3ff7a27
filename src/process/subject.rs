//! What the entries of this process's log are about: the script and the request. Whoever reads an entry at
//! night is to know both without looking further.

use std::ffi::OsStr;
use std::sync::RwLock;

use crate::report::one_line;

static SUBJECT: RwLock<String> = RwLock::new(String::new());

/// The text that names a request, as it stands in each entry: `/srv/shop.cgi: GET /cart`.
#[must_use]
pub fn named(script: Option<&OsStr>, method: &[u8], path: &[u8]) -> String {
    let script = script.filter(|script| !script.is_empty());
    let script = script.map_or(String::new(), |script| {
        format!("{}: ", one_line(&script.to_string_lossy()))
    });
    format!("{script}{} {}", method.escape_ascii(), path.escape_ascii())
}

/// From now on entries are about that.
pub fn set(subject: &str) {
    if let Ok(mut place) = SUBJECT.write() {
        subject.clone_into(&mut place);
    }
}

/// What stands before the text of an entry. A process that was forked while somebody held the text goes
/// without.
#[must_use]
pub fn prefix() -> String {
    match SUBJECT.try_read() {
        Ok(subject) if !subject.is_empty() => format!("{subject}: "),
        _ => String::new(),
    }
}
