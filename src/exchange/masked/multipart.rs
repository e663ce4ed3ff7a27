//! `multipart/form-data` (RFC 7578), line by line.

use std::io::{self, BufRead, Write};

use super::{MASKED, piece};
use crate::exchange::secrets::is_secret_name;

enum Part {
    Head { is_secret: bool },
    Shown,
    Secret,
}

pub(super) fn copy(
    boundary: &[u8],
    from: &mut impl BufRead,
    to: &mut impl Write,
) -> io::Result<bool> {
    let delimiter = [b"--", boundary].concat();
    let (mut masked, mut is_start) = (false, true);
    let mut part = Part::Shown;
    let mut line = Vec::new();
    while piece(from, b'\n', &mut line)? {
        if is_start && line.starts_with(&delimiter) {
            if matches!(part, Part::Secret) {
                // The line break before belongs to the delimiter.
                to.write_all(b"\r\n")?;
            }
            part = Part::Head { is_secret: false };
            to.write_all(&line)?;
        } else {
            match &mut part {
                Part::Head { is_secret } => {
                    to.write_all(&line)?;
                    if line.trim_ascii().is_empty() {
                        part = if *is_secret {
                            masked = true;
                            to.write_all(MASKED.as_bytes())?;
                            Part::Secret
                        } else {
                            Part::Shown
                        };
                    } else {
                        *is_secret |= names_secret(&line);
                    }
                }
                Part::Shown => to.write_all(&line)?,
                Part::Secret => {}
            }
        }
        is_start = line.ends_with(b"\n");
    }
    Ok(masked)
}

/// `Content-Disposition: form-data; name="password"`
fn names_secret(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let Some((field, value)) = line.split_once(':') else {
        return false;
    };
    field.trim().eq_ignore_ascii_case("content-disposition")
        && value.split(';').any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                let name = name.trim();
                (name.eq_ignore_ascii_case("name") || name.eq_ignore_ascii_case("name*"))
                    && is_secret_name(value.trim().trim_matches('"').as_bytes())
            })
        })
}
