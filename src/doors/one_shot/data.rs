//! The content of `-d`, `--data-urlencode`, `--json` and similar options: pieces that are joined in the order
//! in which they were typed. With `-G` they become the query instead.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use anyhow::Result;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::content::{Content, Input, copy, temporary};
use settings::cli::{Kind, Piece};

/// The characters to encode in a form's value: all but the unreserved ones (RFC 3986, section 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The pieces as content.
///
/// # Errors
/// When a file cannot be read.
pub fn content(pieces: &[Piece], input: Input<'_>) -> Result<Content> {
    let mut file = temporary()?;
    write(pieces, &mut file, input)?;
    let is_json = pieces.iter().any(|piece| piece.kind == Kind::Json);
    let media_type = if is_json {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    Content::whole(file, Some(media_type.to_owned()))
}

/// Writes the pieces, separated by `&`, except before JSON.
///
/// # Errors
/// When a file cannot be read.
pub fn write(pieces: &[Piece], to: &mut dyn Write, input: Input<'_>) -> Result<()> {
    for (place, piece) in pieces.iter().enumerate() {
        if place > 0 && piece.kind != Kind::Json {
            to.write_all(b"&")?;
        }
        match (piece.kind, piece.text.as_bytes()) {
            (Kind::UrlEncode, text) => encoded(text, to, input)?,
            (Kind::Data, [b'@', name @ ..]) => {
                copy(OsStr::from_bytes(name), &mut WithoutLineEnds(to), input)?;
            }
            (Kind::Binary | Kind::Json, [b'@', name @ ..]) => {
                copy(OsStr::from_bytes(name), to, input)?;
            }
            (_, text) => to.write_all(text)?,
        }
    }
    Ok(())
}

/// `TEXT`, `=TEXT`, `NAME=TEXT`, `@FILE` or `NAME@FILE`; the name is not encoded.
fn encoded(text: &[u8], to: &mut dyn Write, input: Input<'_>) -> Result<()> {
    let find = |sign| text.iter().position(|&byte| byte == sign);
    let place = find(b'=').or_else(|| find(b'@'));
    let (name, value) = place.map_or((&[][..], text), |at| (&text[..at], &text[at + 1..]));
    if !name.is_empty() {
        to.write_all(name)?;
        to.write_all(b"=")?;
    }
    let mut to = Encoding(to);
    if place.is_some_and(|at| text[at] == b'@') {
        copy(OsStr::from_bytes(value), &mut to, input)
    } else {
        Ok(to.write_all(value)?)
    }
}

/// Passes bytes on without line ends and NUL bytes, as `-d @FILE` does.
struct WithoutLineEnds<'a>(&'a mut dyn Write);

impl Write for WithoutLineEnds<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for line in bytes.split(|byte| b"\r\n\0".contains(byte)) {
            self.0.write_all(line)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Passes bytes on encoded for a form: a space as `+`, other bytes as `%XX`.
struct Encoding<'a>(&'a mut dyn Write);

impl Write for Encoding<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for (place, word) in bytes.split(|&byte| byte == b' ').enumerate() {
            let plus = if place > 0 { "+" } else { "" };
            write!(self.0, "{plus}{}", percent_encode(word, ENCODED))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pieces: &[(Kind, &str)]) -> String {
        let pieces: Vec<Piece> = pieces
            .iter()
            .map(|&(kind, text)| Piece {
                kind,
                text: text.into(),
            })
            .collect();
        let mut text = Vec::new();
        write(&pieces, &mut text, &mut &b"a b\r\n"[..]).expect("written");
        String::from_utf8(text).expect("UTF-8")
    }

    #[test]
    fn pieces_are_encoded_by_their_kind_and_joined() {
        for (pieces, wanted) in [
            (&[(Kind::Data, "a=1"), (Kind::Data, "@-")][..], "a=1&a b"),
            (&[(Kind::Raw, "@-"), (Kind::Binary, "@-")], "@-&a b\r\n"),
            (&[(Kind::Json, "[1,"), (Kind::Json, "2]")], "[1,2]"),
            (&[(Kind::UrlEncode, "a&b c~")], "a%26b+c~"),
            (&[(Kind::UrlEncode, "=a=b")], "a%3Db"),
            (&[(Kind::UrlEncode, "n&=a b")], "n&=a+b"),
            (&[(Kind::UrlEncode, "@-")], "a+b%0D%0A"),
            (&[(Kind::UrlEncode, "n@-")], "n=a+b%0D%0A"),
            (&[(Kind::UrlEncode, "caf\u{e9}")], "caf%C3%A9"),
        ] {
            assert_eq!(written(pieces), wanted);
        }
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let piece = Piece {
            kind: Kind::Data,
            text: "@/no/such".into(),
        };
        let error = content(&[piece], &mut std::io::empty()).expect_err("missing");
        assert!(format!("{error:#}").starts_with("cannot read `/no/such`: "));
    }
}
