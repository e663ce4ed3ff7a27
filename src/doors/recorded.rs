//! The format of a recorded request: text for the meta-variables, then the content.
//!
//! ```text
//! # wsgi-cgi request 1
//! REQUEST_METHOD=POST
//! PATH_INFO=/caf\xc3\xa9
//! CONTENT_LENGTH=5
//!                                 <- an empty line
//! hello                           <- the content, byte for byte
//! ```
//!
//! A line is `NAME=VALUE`; a backslash and every byte that is not printable ASCII is `\xHH`. Lines
//! that begin with `#` are for people, but for the first, which names the format.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::one_shot::Fields;
use exchange::MetaVariables;

const FORMAT: &str = "# wsgi-cgi request 1";

/// A longer head is an error, so that another kind of file is not read whole.
const LONGEST_HEAD: u64 = 16 * 1024 * 1024;

/// A head in the file's form, the empty line included. `remarks` become lines for people.
#[must_use]
pub fn head<'a>(
    remarks: &[String],
    fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Vec<u8> {
    let mut text = format!("{FORMAT}\n").into_bytes();
    for remark in remarks {
        text.extend_from_slice(b"# ");
        escape(remark.as_bytes(), &mut text);
        text.push(b'\n');
    }
    for (name, value) in fields {
        // Otherwise the line would be taken for a remark.
        if name.starts_with(b"#") {
            text.extend_from_slice(b"\\x23");
            escape(&name[1..], &mut text);
        } else {
            escape(name, &mut text);
        }
        text.push(b'=');
        escape(value, &mut text);
        text.push(b'\n');
    }
    text.push(b'\n');
    text
}

/// What is in a file: names and values, the remarks, and the file itself, at its content.
#[derive(Debug)]
pub struct Recorded {
    /// In the order written; a name may repeat.
    pub fields: Fields,
    /// The lines for people.
    pub remarks: Vec<String>,
    /// The file, at the first byte of the content.
    pub content: File,
}

impl Recorded {
    /// Reads the head.
    ///
    /// # Errors
    /// For a file that is not in this form.
    pub fn open(path: &Path) -> Result<Self> {
        File::open(path)
            .map_err(anyhow::Error::from)
            .and_then(Self::read)
            .with_context(|| format!("`{}`", path.display()))
    }

    /// Reads the head of an open file.
    ///
    /// # Errors
    /// For a file that is not in this form.
    pub fn read(mut file: File) -> Result<Self> {
        let start = file.stream_position()?;
        let mut lines = BufReader::new(&file).take(LONGEST_HEAD);
        let (mut fields, mut remarks) = (Fields::new(), Vec::new());
        let mut line = Vec::new();
        let mut length = 0;
        loop {
            line.clear();
            length += lines.read_until(b'\n', &mut line)? as u64;
            let Some(text) = line.strip_suffix(b"\n") else {
                bail!("this is not a recorded request, or it is incomplete");
            };
            match text {
                first if length == line.len() as u64 => {
                    if first != FORMAT.as_bytes() {
                        bail!("this is not a recorded request: its first line is not `{FORMAT}`");
                    }
                }
                b"" => break,
                [b'#', remark @ ..] => {
                    remarks.push(String::from_utf8_lossy(remark.trim_ascii()).into_owned());
                }
                text => {
                    let equals = text
                        .iter()
                        .position(|&byte| byte == b'=')
                        .filter(|&at| at > 0);
                    let Some(equals) = equals else {
                        bail!("`{}` is not NAME=VALUE", OsStr::from_bytes(text).display());
                    };
                    fields.push((unescape(&text[..equals])?, unescape(&text[equals + 1..])?));
                }
            }
        }
        drop(lines);
        file.seek(SeekFrom::Start(start + length))?;
        Ok(Self {
            fields,
            remarks,
            content: file,
        })
    }

    /// The fields as meta-variables.
    #[must_use]
    pub fn meta(&self) -> MetaVariables {
        MetaVariables::from_pairs(self.fields.iter().cloned())
    }

    /// The first value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let found = self.fields.iter().find(|(key, _)| key == name.as_bytes());
        found.map(|(_, value)| value.as_slice())
    }

    /// How many bytes of content the file holds.
    ///
    /// # Errors
    /// When the file cannot be examined.
    pub fn content_length(&mut self) -> std::io::Result<u64> {
        let start = self.content.stream_position()?;
        Ok(self.content.metadata()?.len().saturating_sub(start))
    }
}

fn escape(text: &[u8], to: &mut Vec<u8>) {
    for &byte in text {
        if (byte == b' ' || byte.is_ascii_graphic()) && byte != b'\\' {
            to.push(byte);
        } else {
            to.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
}

fn unescape(text: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let code = match tail {
            [b'x', high, low, ..] => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|code| u8::from_str_radix(code, 16).ok()),
            _ => None,
        };
        let Some(byte @ 1..) = code else {
            bail!(
                "`{}`: a backslash is allowed only as the start of `\\xHH`",
                text.escape_ascii()
            );
        };
        bytes.push(byte);
        rest = &tail[3..];
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn file(text: &[u8]) -> File {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text).expect("written");
        file.rewind().expect("a position");
        file
    }

    #[test]
    fn a_file_that_is_not_a_record_is_refused() {
        let first = format!("{FORMAT}\n");
        for bad in [
            "",
            "GET / HTTP/1.1\n\n",
            &first,
            &format!("{first}A=1\n"),
            &format!("{first}A\n\n"),
            &format!("{first}=1\n\n"),
            &format!("{first}A=\\n\n\n"),
            &format!("{first}A=\\x0\n\n"),
            &format!("{first}A=\\x00\n\n"),
        ] {
            assert!(Recorded::read(file(bad.as_bytes())).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(
            fields in proptest::collection::vec(
                (proptest::collection::vec(1_u8.., 1..6), proptest::collection::vec(1_u8.., 0..9)),
                0..5,
            ),
            content in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            // No variable has a `=` in its name.
            let fields: Fields = fields
                .into_iter()
                .filter(|(name, _)| !name.contains(&b'='))
                .collect();
            let remarks = vec!["left out: \n".to_owned()];
            let pairs = fields.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
            let mut text = head(&remarks, pairs);
            prop_assert!(text.iter().all(|&byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
            text.extend_from_slice(&content);
            let mut recorded = Recorded::read(file(&text)).expect("a record");
            prop_assert_eq!(&recorded.fields, &fields);
            prop_assert_eq!(recorded.remarks.len(), 1);
            prop_assert_eq!(recorded.content_length().expect("a length"), content.len() as u64);
            let mut read = Vec::new();
            recorded.content.read_to_end(&mut read).expect("content");
            prop_assert_eq!(read, content);
        }
    }
}
