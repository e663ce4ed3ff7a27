//! `multipart/form-data` (RFC 7578), line by line.

use std::io::{self, BufRead, Write};

use super::{MASKED, piece};
use crate::query::decoded;
use crate::secrets::is_secret_name;

enum Part {
    /// Its fields so far.
    Head(Vec<u8>),
    Shown,
    Secret,
}

/// A longer head is truncated to this.
const LONGEST_HEAD: usize = 64 * 1024;

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
            part = Part::Head(Vec::new());
            to.write_all(&line)?;
        } else {
            match &mut part {
                Part::Head(head) => {
                    to.write_all(&line)?;
                    if line.trim_ascii().is_empty() {
                        part = if names_secret(head) {
                            masked = true;
                            to.write_all(MASKED.as_bytes())?;
                            Part::Secret
                        } else {
                            Part::Shown
                        };
                    } else if head.len() < LONGEST_HEAD {
                        head.extend_from_slice(&line);
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

/// `Content-Disposition: form-data; name="password"`, which may be on several lines (RFC 822,
/// section 3.1.1).
fn names_secret(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head).replace("\r\n", "\n");
    let head = head.replace("\n ", " ").replace("\n\t", " ");
    head.lines().any(|line| {
        let Some((field, value)) = line.split_once(':') else {
            return false;
        };
        field.trim().eq_ignore_ascii_case("content-disposition")
            && parameters(value).iter().any(|parameter| {
                parameter.split_once('=').is_some_and(|(name, value)| {
                    let name = name.trim().to_ascii_lowercase();
                    // `name*`, `name*0`: RFC 2231.
                    (name == "name" || name.starts_with("name*"))
                        && is_secret_name(decoded(value).as_bytes())
                })
            })
    })
}

/// The parts between semicolons, except those in quotes; without the quotes.
fn parameters(value: &str) -> Vec<String> {
    let mut parameters = vec![String::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for letter in value.chars() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => {
                is_escaped = true;
                continue;
            }
            '"' => {
                is_quoted = !is_quoted;
                continue;
            }
            ';' if !is_quoted => {
                parameters.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(parameter) = parameters.last_mut() {
            parameter.push(letter);
        }
    }
    parameters
}
