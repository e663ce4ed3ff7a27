//! JSON, byte by byte: the value of a secret name is masked whole, whatever it is.

use std::io::{self, BufRead, Write};

use super::MASKED;
use crate::exchange::secrets::is_secret_name;

/// No longer name is looked at.
const LONGEST_NAME: usize = 256;

#[derive(Default)]
struct Scan {
    /// In a string; whether the next byte is escaped.
    string: Option<bool>,
    /// The last string, which may be a name.
    name: Vec<u8>,
    /// The value of a secret name is expected.
    is_expected: bool,
    /// Within that value; how deep in brackets.
    skipped: Option<usize>,
    masked: bool,
}

pub(super) fn copy(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<bool> {
    let mut scan = Scan::default();
    loop {
        let block = from.fill_buf()?;
        if block.is_empty() {
            return Ok(scan.masked);
        }
        let mut kept = Vec::with_capacity(block.len());
        for &byte in block {
            scan.take(byte, &mut kept);
        }
        let length = block.len();
        to.write_all(&kept)?;
        from.consume(length);
    }
}

impl Scan {
    fn take(&mut self, byte: u8, kept: &mut Vec<u8>) {
        if let Some(is_escaped) = self.string {
            self.within_string(byte, is_escaped);
        } else {
            match byte {
                b'"' => {
                    self.string = Some(false);
                    self.name.clear();
                    self.begin(kept);
                }
                b':' if self.skipped.is_none() => {
                    let name = String::from_utf8_lossy(&self.name);
                    self.is_expected = is_secret_name(name.as_bytes());
                }
                b'[' | b'{' => {
                    self.begin(kept);
                    if let Some(depth) = &mut self.skipped {
                        *depth += 1;
                        return;
                    }
                }
                b']' | b'}' | b',' => match &mut self.skipped {
                    Some(0) => self.skipped = None,
                    Some(depth) => *depth -= usize::from(byte != b','),
                    None => self.is_expected = false,
                },
                _ if byte.is_ascii_whitespace() => {}
                _ => self.begin(kept),
            }
        }
        if self.skipped.is_none() {
            kept.push(byte);
        }
    }

    /// A value begins, or a name.
    fn begin(&mut self, kept: &mut Vec<u8>) {
        if std::mem::take(&mut self.is_expected) {
            kept.extend_from_slice(format!("\"{MASKED}\"").as_bytes());
            self.skipped = Some(0);
            self.masked = true;
        }
    }

    fn within_string(&mut self, byte: u8, is_escaped: bool) {
        if byte == b'"' && !is_escaped {
            self.string = None;
            return;
        }
        self.string = Some(byte == b'\\' && !is_escaped);
        if self.name.len() < LONGEST_NAME {
            self.name.push(byte);
        }
    }
}
