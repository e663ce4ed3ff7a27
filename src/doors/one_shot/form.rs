//! The form that `-F` sends (RFC 7578): `name=text`, `name=@FILE` to send a file, `name=<FILE` to send a file's
//! text as a value. `;type=TYPE` and `;filename=NAME` can follow.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Result, bail};

use super::content::{Content, Input, copy, temporary};
use settings::cli::{Kind, Piece};

/// The parts as content.
///
/// # Errors
/// For a part without a name, and when a file cannot be read.
pub fn content(pieces: &[Piece], boundary: &str, input: Input<'_>) -> Result<Content> {
    let mut file = temporary()?;
    for piece in pieces {
        let text = piece.text.as_bytes();
        let equals = text
            .iter()
            .position(|&byte| byte == b'=')
            .filter(|&at| at > 0);
        let Some(equals) = equals else {
            bail!("`-F {}`: expected NAME=VALUE", text.escape_ascii());
        };
        let (name, value) = (&text[..equals], &text[equals + 1..]);
        let part = if piece.kind == Kind::FormString {
            Part::plain(value)
        } else {
            Part::parse(value)?
        };
        write!(
            file,
            "--{boundary}\r\nContent-Disposition: form-data; name=\""
        )?;
        file.write_all(&quoted(name))?;
        file.write_all(b"\"")?;
        if let Some(name) = part.file_name() {
            file.write_all(b"; filename=\"")?;
            file.write_all(&quoted(name))?;
            file.write_all(b"\"")?;
        }
        if let Some(media_type) = part.media_type() {
            file.write_all(b"\r\nContent-Type: ")?;
            file.write_all(media_type)?;
        }
        file.write_all(b"\r\n\r\n")?;
        match part.source {
            Source::Text => file.write_all(&part.value)?,
            _ => copy(OsStr::from_bytes(&part.value), &mut file, input)?,
        }
        file.write_all(b"\r\n")?;
    }
    write!(file, "--{boundary}--\r\n")?;
    Content::whole(
        file,
        Some(format!("multipart/form-data; boundary={boundary}")),
    )
}

/// Where the content of a part comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Text,
    /// A file that is uploaded.
    File,
    /// A file whose text is the value.
    TextOfFile,
}

struct Part {
    source: Source,
    /// The text, or the file's path.
    value: Vec<u8>,
    given_name: Option<Vec<u8>>,
    given_type: Option<Vec<u8>>,
}

impl Part {
    fn plain(value: &[u8]) -> Self {
        Self {
            source: Source::Text,
            value: value.to_vec(),
            given_name: None,
            given_type: None,
        }
    }

    fn parse(text: &[u8]) -> Result<Self> {
        let (source, rest) = match text {
            [b'@', rest @ ..] => (Source::File, rest),
            [b'<', rest @ ..] => (Source::TextOfFile, rest),
            text => (Source::Text, text),
        };
        let mut words = Words(rest);
        let mut part = Self {
            source,
            ..Self::plain(&words.next().unwrap_or_default())
        };
        for word in words {
            let word = word.trim_ascii();
            if let Some(media_type) = word.strip_prefix(b"type=") {
                part.given_type = Some(media_type.to_vec());
            } else if let Some(name) = word.strip_prefix(b"filename=") {
                part.given_name = Some(unquoted(name));
            } else if let Some(media_type) = &mut part.given_type {
                // A parameter of the type, such as `charset=utf-8`.
                media_type.push(b';');
                media_type.extend_from_slice(word);
            } else {
                bail!(
                    "`{}`: after the value, only `;type=TYPE` and `;filename=NAME` are allowed; quote a value that \
                     contains a `;` itself, or use --form-string",
                    text.escape_ascii()
                );
            }
        }
        let type_has_line_end = part
            .given_type
            .as_ref()
            .is_some_and(|given| given.iter().any(u8::is_ascii_control));
        if type_has_line_end {
            bail!("`{}`: the type must be one line", text.escape_ascii());
        }
        Ok(part)
    }

    fn file_name(&self) -> Option<&[u8]> {
        let own = Path::new(OsStr::from_bytes(&self.value)).file_name();
        let own = own.filter(|_| self.source == Source::File);
        self.given_name.as_deref().or(own.map(OsStrExt::as_bytes))
    }

    /// The type that was given, or else the one that curl has for the extension of the file name.
    fn media_type(&self) -> Option<&[u8]> {
        let of_ending = |name: &[u8]| {
            let ending = Path::new(OsStr::from_bytes(name)).extension()?;
            match ending.to_str()?.to_ascii_lowercase().as_str() {
                "gif" => Some("image/gif"),
                "jpg" | "jpeg" => Some("image/jpeg"),
                "png" => Some("image/png"),
                "svg" => Some("image/svg+xml"),
                "txt" => Some("text/plain"),
                "htm" | "html" => Some("text/html"),
                "pdf" => Some("application/pdf"),
                "xml" => Some("application/xml"),
                _ => None,
            }
        };
        if let Some(given) = &self.given_type {
            return Some(given);
        }
        let path = Some(self.value.as_slice()).filter(|_| self.source == Source::File);
        let usual = self.file_name().and_then(of_ending);
        let usual = usual.or(path.and_then(of_ending));
        let is_named = self.source == Source::File && self.value != b"-";
        let unknown = is_named.then_some("application/octet-stream");
        usual.or(unknown).map(str::as_bytes)
    }
}

/// The words between semicolons. A word in double quotes may contain semicolons.
struct Words<'a>(&'a [u8]);

impl Iterator for Words<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        let mut quotes = false;
        let mut escaped = false;
        let end = self.0.iter().position(|&byte| {
            if escaped {
                escaped = false;
            } else if quotes && byte == b'\\' {
                escaped = true;
            } else if byte == b'"' {
                quotes = !quotes;
            }
            byte == b';' && !quotes
        });
        let (word, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        Some(unquoted(word))
    }
}

/// The word without surrounding quotes; within them, a backslash escapes a quote or a backslash.
fn unquoted(word: &[u8]) -> Vec<u8> {
    let [b'"', inside @ .., b'"'] = word else {
        return word.to_vec();
    };
    let mut plain = Vec::with_capacity(inside.len());
    let mut rest = inside.iter();
    while let Some(&byte) = rest.next() {
        match (byte, rest.as_slice()) {
            (b'\\', [next @ (b'"' | b'\\'), ..]) => {
                plain.push(*next);
                rest.next();
            }
            _ => plain.push(byte),
        }
    }
    plain
}

/// A name escaped as by browsers (HTML, "multipart/form-data encoding").
fn quoted(name: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(name.len());
    for &byte in name {
        match byte {
            b'"' => quoted.extend(b"%22"),
            b'\r' => quoted.extend(b"%0D"),
            b'\n' => quoted.extend(b"%0A"),
            byte => quoted.push(byte),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn form(parts: &[&str]) -> Result<String> {
        let pieces: Vec<Piece> = parts
            .iter()
            .map(|&text| Piece {
                kind: Kind::Form,
                text: text.into(),
            })
            .collect();
        let content = content(&pieces, "B", &mut &b"typed"[..])?;
        let length = content.length();
        let wanted = Some("multipart/form-data; boundary=B");
        assert_eq!(content.media_type(), wanted);
        let mut text = String::new();
        content.into_source()?.read_to_string(&mut text)?;
        assert_eq!(text.len() as u64, length);
        Ok(text)
    }

    #[test]
    fn a_form_has_a_part_for_each_field() {
        let parts = [
            "a=1",
            "b=\"x;y\\\"\";type=text/x;charset=utf-8",
            "f=@-;type=text/x;filename=q\"q",
            "t=<-",
        ];
        assert_eq!(
            form(&parts).expect("a form"),
            "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
             --B\r\nContent-Disposition: form-data; name=\"b\"\r\n\
             Content-Type: text/x;charset=utf-8\r\n\r\nx;y\"\r\n\
             --B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"q%22q\"\r\n\
             Content-Type: text/x\r\n\r\ntyped\r\n\
             --B\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n\r\n--B--\r\n"
        );
        for bad in ["noequals", "=x", "f=@a;size=3"] {
            assert!(form(&[bad]).is_err(), "{bad}");
        }
    }
}
