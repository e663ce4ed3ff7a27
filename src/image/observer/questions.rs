//! What the maker asks its observer, by system calls that the kernel refuses: the observer sees them and writes
//! the answer into the maker's memory.

use std::ffi::c_ulong;
use std::io;

use super::seen::{self, Seen};

/// An option that `prctl` does not have: "WCGI".
pub(super) const MARK: c_ulong = 0x5743_4749;

/// Begin recording.
pub(super) const BEGIN: c_ulong = 1;
/// The value of a variable.
pub(super) const VALUE: c_ulong = 2;
/// The names of all variables that belong neither to a request nor to the server, each followed by a zero.
pub(super) const NAMES: c_ulong = 3;
/// What was seen; the observer detaches.
pub(super) const END: c_ulong = 4;
/// What forked copies of this process did.
pub(super) const ELSEWHERE: c_ulong = 5;

/// In the answer's first word: no answer.
pub(super) const NONE: u64 = u64::MAX;

/// Asks; the answer may have any length.
fn ask(question: c_ulong, text: &[u8]) -> Option<Vec<u8>> {
    let mut room = 4096.max(text.len() + 8);
    loop {
        // The answer's length, then the answer; until it comes, the question.
        let mut buffer = vec![0_u8; room + 8];
        buffer[..8].copy_from_slice(&NONE.to_le_bytes());
        buffer[8..8 + text.len()].copy_from_slice(text);
        // SAFETY: the kernel refuses an option that it does not know; the observer writes no more
        // than `room` and eight bytes to the buffer.
        unsafe {
            libc::prctl(
                i32::try_from(MARK).unwrap_or(0),
                question,
                buffer.as_mut_ptr(),
                text.len() as c_ulong,
                room as c_ulong,
            );
        }
        let length = u64::from_le_bytes(buffer[..8].try_into().ok()?);
        if length == NONE {
            return None;
        }
        let length = usize::try_from(length).ok()?;
        if length <= room {
            buffer.truncate(8 + length);
            return Some(buffer.split_off(8));
        }
        room = length;
    }
}

/// From now on the observer records what this process looks at.
///
/// # Errors
/// When there is no observer.
pub fn begin() -> io::Result<()> {
    ask(BEGIN, b"")
        .map(drop)
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))
}

/// The value of a variable that does not belong to a request.
#[must_use]
pub fn value(name: &[u8]) -> Option<Vec<u8>> {
    ask(VALUE, name)
}

/// The names of all variables that belong neither to a request nor to the server.
#[must_use]
pub fn names() -> Vec<Vec<u8>> {
    list(&ask(NAMES, b"").unwrap_or_default())
}

/// Names, each followed by a zero.
fn list(names: &[u8]) -> Vec<Vec<u8>> {
    let names = names.split(|&byte| byte == 0);
    let names = names.filter(|name| !name.is_empty());
    names.map(<[u8]>::to_vec).collect()
}

/// What copies of this process (`fork`) did.
#[derive(Debug, Default)]
pub struct Elsewhere {
    /// How many of them have become other programs.
    pub programs: u64,
    /// The names of variables that they asked for.
    pub asked: Vec<Vec<u8>>,
}

/// What forked copies of this process did.
#[must_use]
pub fn elsewhere() -> Elsewhere {
    let answer = ask(ELSEWHERE, b"").unwrap_or_default();
    let Some((number, names)) = answer.split_first_chunk::<8>() else {
        return Elsewhere::default();
    };
    Elsewhere {
        programs: u64::from_le_bytes(*number),
        asked: list(names),
    }
}

/// What was seen since [`begin`]; ends the recording.
#[must_use]
pub fn end() -> Option<Seen> {
    seen::decode(&ask(END, b"")?)
}
