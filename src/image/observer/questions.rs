//! What the maker asks its observer, by system calls that the kernel refuses: the observer sees them and writes
//! the answer into the maker's memory.

use std::ffi::c_ulong;
use std::io;
use std::sync::OnceLock;

use super::seen::{self, Seen};
use crate::freshness;

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
/// All variables that do not belong to a request, each followed by its value, and each of these by a zero; the
/// observer detaches.
pub(super) const LEAVE: c_ulong = 6;

/// The variables of a process that is observed no more, as it makes no image.
static OWN: OnceLock<Vec<(Vec<u8>, Vec<u8>)>> = OnceLock::new();

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

/// Ends the observation of a process that makes no image, and is slow under observation. It takes all variables with it.
///
/// # Errors
/// When there is no observer.
pub fn leave() -> io::Result<()> {
    let given = ask(LEAVE, b"").ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
    let words: Vec<&[u8]> = given.split(|&byte| byte == 0).collect();
    let pairs = words.as_chunks().0.iter();
    let own = pairs.map(|[name, value]| (name.to_vec(), value.to_vec()));
    _ = OWN.set(own.collect());
    Ok(())
}

/// The variables of a process that is observed no more.
#[must_use]
pub fn own() -> Vec<(Vec<u8>, Vec<u8>)> {
    OWN.get().cloned().unwrap_or_default()
}

/// The value of a variable that does not belong to a request.
#[must_use]
pub fn value(name: &[u8]) -> Option<Vec<u8>> {
    let Some(own) = OWN.get() else {
        return ask(VALUE, name);
    };
    let found = own.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.clone())
}

/// The names of all variables that belong neither to a request nor to the server.
#[must_use]
pub fn names() -> Vec<Vec<u8>> {
    let Some(own) = OWN.get() else {
        return list(&ask(NAMES, b"").unwrap_or_default());
    };
    let names = own.iter().map(|(name, _)| name.clone());
    names
        .filter(|name| freshness::is_neither_of_a_request_nor_the_server(name))
        .collect()
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
    if OWN.get().is_some() {
        return Some(Seen::default());
    }
    seen::decode(&ask(END, b"")?)
}
