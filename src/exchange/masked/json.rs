//! JSON, byte by byte: the value of a secret name is masked whole, whatever it is.

use std::io::{self, BufRead, Write};

use super::MASKED;
use crate::secrets::is_secret_name;

/// Longer names are truncated to this.
const LONGEST_NAME: usize = 256;

/// Members that hold a field's name, and those that hold its value then.
const NAMES: [&str; 6] = ["name", "key", "field", "id", "label", "n"];
const VALUES: [&str; 6] = ["value", "val", "content", "data", "text", "v"];

#[derive(Default)]
struct Scan {
    /// In a string; whether the next byte is escaped.
    string: Option<bool>,
    /// The last string, which may be a name.
    name: Vec<u8>,
    /// The value of a secret name is expected.
    is_expected: bool,
    /// The name that the last string is the value of, if any.
    key: Option<String>,
    /// For each bracket that is open, whether a member of it names a secret:
    /// `{"name": "password", "value": "x"}`.
    names_secret: Vec<bool>,
    /// Within a secret value; how deep in brackets.
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
                b':' if self.skipped.is_none() => self.after_name(),
                b'[' | b'{' => {
                    self.begin(kept);
                    if let Some(depth) = &mut self.skipped {
                        *depth += 1;
                        return;
                    }
                    self.names_secret.push(false);
                    self.key = None;
                    self.name.clear();
                }
                b']' | b'}' | b',' => {
                    match &mut self.skipped {
                        Some(0) => self.skipped = None,
                        Some(depth) => *depth -= usize::from(byte != b','),
                        None => self.is_expected = false,
                    }
                    if self.skipped.is_none() {
                        self.after_value(byte != b',');
                    }
                }
                _ if byte.is_ascii_whitespace() => {}
                _ => self.begin(kept),
            }
        }
        if self.skipped.is_none() {
            kept.push(byte);
        }
    }

    fn after_name(&mut self) {
        let name = unescaped(&self.name);
        let is_named = self.names_secret.last() == Some(&true);
        self.is_expected = is_secret_name(name.as_bytes())
            || is_named && VALUES.contains(&name.to_ascii_lowercase().as_str());
        self.key = Some(name);
        self.name.clear();
    }

    fn after_value(&mut self, is_last: bool) {
        let key = self.key.take().unwrap_or_default().to_ascii_lowercase();
        if is_last {
            self.names_secret.pop();
        } else if let Some(names_secret) = self.names_secret.last_mut() {
            *names_secret |=
                NAMES.contains(&key.as_str()) && is_secret_name(unescaped(&self.name).as_bytes());
        }
        self.name.clear();
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

/// A string of JSON without its escapes (RFC 8259, section 7).
fn unescaped(string: &[u8]) -> String {
    let text = String::from_utf8_lossy(string);
    let mut unescaped = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letters.as_str().as_bytes().first()) {
            ('\\', Some(b'u')) => {
                let digits = letters.as_str().get(1..5);
                let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                unescaped.push(code.and_then(char::from_u32).unwrap_or('\u{fffd}'));
                for _ in 0..5 {
                    letters.next();
                }
            }
            ('\\', Some(_)) => unescaped.extend(letters.next()),
            _ => unescaped.push(letter),
        }
    }
    unescaped
}
