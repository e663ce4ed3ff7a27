//! `a=1&password=[masked]`, in pieces: a value may be long.

use std::io::{self, BufRead, Write};

use super::{MASKED, carries_secret, is_secret_parameter, piece};

pub(super) fn copy(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<bool> {
    let (mut masked, mut is_secret, mut is_start) = (false, false, true);
    let mut pair = Vec::new();
    while piece(from, b'&', &mut pair)? {
        let is_end = pair.ends_with(b"&");
        if is_start {
            let equals = memchr::memchr(b'=', &pair);
            let value = equals.map_or(pair.len(), |at| at + 1);
            let has_value = pair.len() - usize::from(is_end) > value;
            is_secret = has_value
                && equals.is_some_and(|at| {
                    is_secret_parameter(&pair[..at]) || carries_secret(&pair[value..])
                });
            if is_secret {
                to.write_all(&pair[..value])?;
                to.write_all(MASKED.as_bytes())?;
                masked = true;
            }
        }
        if !is_secret {
            to.write_all(&pair)?;
        } else if is_end {
            to.write_all(b"&")?;
        }
        is_start = is_end;
    }
    Ok(masked)
}
