//! The access log of requests that a web server starts a process for (`--access-log`): a line for each, which
//! says what it took. Its fields are separated by spaces, and only the last has any:
//!
//!     TIME CLIENT METHOD PATH STATUS BYTES MILLISECONDS CPU-MILLISECONDS WAY
//!
//! It is written at the end of the process, with one call of the system; the file is opened for that alone, so
//! that no application writes to it by number. That it cannot be written is said, and fails no request.

use std::ffi::CString;
use std::io::{IoSlice, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use exchange::MetaVariables;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::arrival::{Arrival, Way};
use crate::report::{self, one_line};
use crate::{stamp, tally, times};

static LINE: OnceLock<Line> = OnceLock::new();

/// What is known before the answer.
struct Line {
    /// The process whose line it is: one that it forks has none.
    process: i32,
    path: PathBuf,
    file: CString,
    /// Client, method and path.
    request: Vec<u8>,
    /// By which way the application was loaded, and the end of the line.
    way: Vec<u8>,
    began: u64,
    spent: u64,
}

/// From now on the end of this process leaves a line in that file.
pub fn begin(file: &Path, meta: &MetaVariables, arrival: &Arrival) {
    let Ok(c_file) = CString::new(file.as_os_str().as_bytes()) else {
        return;
    };
    stamp::learn_zone();
    let path = ["SCRIPT_NAME", "PATH_INFO"].map(|name| meta.get(name).unwrap_or_default());
    let client = meta.get("REMOTE_ADDR").unwrap_or_default();
    let method = meta.get("REQUEST_METHOD").unwrap_or_default();
    let mut request = Vec::new();
    for word in [client, method, &path.concat()] {
        request.push(b' ');
        request.extend_from_slice(field(word).as_bytes());
    }
    let way = match &arrival.way {
        Way::Image => " image\n".to_owned(),
        Way::Cold => " cold\n".to_owned(),
        Way::Without { why, .. } => format!(" cold: {}\n", one_line(why)),
    };
    _ = LINE.set(Line {
        process: this_process(),
        path: file.to_owned(),
        file: c_file,
        request,
        way: way.into_bytes(),
        began: arrival.began,
        spent: arrival.spent,
    });
}

/// Writes the line, unless that was done; says in the log where it cannot be.
pub fn write_or_say() {
    if let (Err(error), Some(line)) = (write(), LINE.get()) {
        let error = std::io::Error::from(error);
        report::log(&format!(
            "`{}` (--access-log) cannot be written: {error}: name a file in a folder where the web \
             server's user may write",
            line.path.display()
        ));
    }
}

/// Writes the line, unless that was done or there is none. Safe in a signal handler.
///
/// # Errors
/// Where the file cannot be opened or written.
pub fn write() -> Result<(), Errno> {
    let Some(line) = LINE.get().filter(|line| line.process == this_process()) else {
        return Ok(());
    };
    let tally = tally::own();
    if !tally.claim_line() {
        return Ok(());
    }
    let took = times::now().saturating_sub(line.began);
    let processor = times::processor() + line.spent;
    let began = stamp::now() - i64::try_from(took / 1_000_000).unwrap_or(0);
    let time = stamp::at(began);
    let (status, bytes) = tally.sent();
    let mut numbers = [0; 96];
    let room = numbers.len();
    let mut rest = &mut numbers[..];
    _ = match status {
        0 => write!(rest, " -"),
        status => write!(rest, " {status}"),
    };
    _ = write!(rest, " {bytes}");
    for nanoseconds in [took, processor] {
        let tenths = nanoseconds / 100_000;
        _ = write!(rest, " {}.{}", tenths / 10, tenths % 10);
    }
    let written = room - rest.len();
    let parts = [&time, &line.request[..], &numbers[..written], &line.way];
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
    // Nobody waits for one who would read a FIFO.
    let flags = flags | OFlags::NONBLOCK;
    let file = rustix::fs::open(line.file.as_c_str(), flags, Mode::from_raw_mode(0o640))?;
    rustix::io::writev(&file, &parts.map(IoSlice::new)).map(drop)
}

/// A word of the client's as a field: without a space, and none that is empty.
fn field(word: &[u8]) -> String {
    if word.is_empty() {
        return "-".to_owned();
    }
    word.escape_ascii().to_string().replace(' ', "\\x20")
}

fn this_process() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_no_space_and_no_control_character() {
        assert_eq!(field(b""), "-");
        assert_eq!(field(b"/a b\n\xff\\"), "/a\\x20b\\n\\xff\\\\");
    }
}
