//! The access log of requests that a web server starts a process for (`--access-log`): one line for each request,
//! with fields separated by spaces. Only the last field may contain spaces:
//!
//!     TIME CLIENT METHOD PATH STATUS BYTES MILLISECONDS CPU-MILLISECONDS WAY
//!
//! The line is written when the process ends, with one system call. The file is opened only then, so the
//! application cannot write to its descriptor. If writing fails, the error log says so; the request succeeds.

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
use crate::{claim, last_resort, log_time, tally, times};

static LINE: OnceLock<Line> = OnceLock::new();

/// What is known of the line before the request is answered.
struct Line {
    /// PID of the process that writes the line: processes that it forks write none.
    process: i32,
    path: PathBuf,
    file: CString,
    /// Client, method and path.
    request: Vec<u8>,
    /// How the application was loaded (`image`, `cold` or `cold: REASON`), and the newline.
    way: Vec<u8>,
    began: u64,
    spent: u64,
}

/// When this process ends, it adds a line for this request to that file.
pub fn begin(file: &Path, meta: &MetaVariables, arrival: &Arrival) {
    let Ok(c_file) = CString::new(file.as_os_str().as_bytes()) else {
        return;
    };
    log_time::learn_zone();
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

/// Writes the line if it is not written yet. If writing fails, logs why.
pub fn write_or_log() {
    if let (Err(error), Some(line)) = (write(), LINE.get()) {
        let error = std::io::Error::from(error);
        report::log(&format!(
            "cannot write the access log `{}`: {error}: with --access-log name a file in a folder that \
             the web server's user can write to",
            line.path.display()
        ));
        tally::own().done_with_line();
    }
}

/// The same in a signal handler. If writing fails, the process that waits for this one writes the line; if none
/// waits, the error log says that there is no line.
pub fn write_in_handler() {
    if write().is_err() && claim::place().is_null() {
        last_resort::log(&[b"cannot write the access log"]);
    }
}

/// Writes the line if there is an access log and the line is not written yet. Safe in a signal handler.
fn write() -> Result<(), Errno> {
    let Some(line) = LINE.get().filter(|line| line.process == this_process()) else {
        return Ok(());
    };
    let tally = tally::own();
    if !tally.claim_line() {
        return Ok(());
    }
    let took = times::now().saturating_sub(line.began);
    let processor = times::processor() + line.spent;
    let began = log_time::now() - i64::try_from(took / 1_000_000).unwrap_or(0);
    let time = log_time::at(began);
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
    // If the file is a FIFO that no process reads, fail instead of waiting.
    let flags = flags | OFlags::NONBLOCK;
    let file = rustix::fs::open(line.file.as_c_str(), flags, Mode::from_raw_mode(0o640))?;
    rustix::io::writev(&file, &parts.map(IoSlice::new))?;
    tally.done_with_line();
    Ok(())
}

/// A value from the client as a field: spaces escaped, `-` if it is empty.
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
