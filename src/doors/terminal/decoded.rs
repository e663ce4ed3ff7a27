//! Decompresses the content of a response (`--compressed`): gzip (RFC 1952) and deflate, which is zlib's format
//! (RFC 1950) or, from some servers, raw deflate data (RFC 1951).

use std::io;

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

/// The value of Accept-Encoding.
pub const ACCEPTED: &str = "deflate, gzip";

const BLOCK: usize = 16 * 1024;

/// Decompresses content block by block.
pub(super) struct Decoder {
    form: Form,
    /// The beginning of the format's header, until the header is complete.
    begin: Vec<u8>,
    /// Present once the header is complete.
    state: Option<Box<InflateState>>,
    is_over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Gzip,
    Deflate,
}

impl Decoder {
    /// A decoder for a value of Content-Encoding; `None` if the content is not compressed.
    ///
    /// # Errors
    /// For an unknown coding.
    pub(super) fn of(coding: &[u8]) -> Result<Option<Self>, String> {
        let form = match coding.trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"identity" | b"none" => return Ok(None),
            b"gzip" | b"x-gzip" => Form::Gzip,
            b"deflate" => Form::Deflate,
            _ => {
                return Err(format!(
                    "cannot decompress content with the coding `{}`: only {ACCEPTED} are known",
                    coding.escape_ascii()
                ));
            }
        };
        Ok(Some(Self {
            form,
            begin: Vec::new(),
            state: None,
            is_over: false,
        }))
    }

    /// Whether the end of the content is missing.
    pub(super) fn is_cut(&self) -> bool {
        !self.is_over && (self.state.is_some() || !self.begin.is_empty())
    }

    /// Decompresses a block, and passes the result to `write`.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let begun;
        let mut rest = bytes;
        if self.state.is_none() {
            self.begin.extend_from_slice(bytes);
            let Some((length, format)) = self.head()? else {
                return Ok(());
            };
            self.state = Some(InflateState::new_boxed(format));
            begun = self.begin.split_off(length);
            rest = &begun;
        }
        let Some(state) = &mut self.state else {
            return Ok(());
        };
        let mut block = vec![0; BLOCK];
        // Bytes after the end are the format's trailer.
        while !self.is_over {
            let step = inflate(state, rest, &mut block, MZFlush::None);
            rest = &rest[step.bytes_consumed..];
            write(&block[..step.bytes_written])?;
            match step.status {
                Ok(MZStatus::StreamEnd) => self.is_over = true,
                Ok(_) if rest.is_empty() && step.bytes_written < BLOCK => break,
                Ok(_) => {}
                // The block is used up.
                Err(MZError::Buf) if rest.is_empty() => break,
                Err(_) => return Err(bad()),
            }
        }
        Ok(())
    }

    /// The length of the format's header, and the format of the data that follows it.
    fn head(&self) -> io::Result<Option<(usize, DataFormat)>> {
        match (self.form, self.begin.as_slice()) {
            (Form::Gzip, begin) => Ok(gzip_head(begin)?.map(|length| (length, DataFormat::Raw))),
            (Form::Deflate, [first, second, ..]) => {
                let is_zlib =
                    first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31);
                let format = if is_zlib {
                    DataFormat::Zlib
                } else {
                    DataFormat::Raw
                };
                Ok(Some((0, format)))
            }
            (Form::Deflate, _) => Ok(None),
        }
    }
}

/// The length of gzip's header (RFC 1952, section 2.3); `None` while it is incomplete.
fn gzip_head(begin: &[u8]) -> io::Result<Option<usize>> {
    const CHECKED: u8 = 2;
    const EXTRA: u8 = 4;
    const NAMED: u8 = 8;
    const COMMENTED: u8 = 16;
    let fixed = [0x1f, 0x8b, 8];
    if !fixed.starts_with(&begin[..begin.len().min(3)]) {
        return Err(bad());
    }
    let Some(&flags) = begin.get(3) else {
        return Ok(None);
    };
    let mut length = 10;
    if flags & EXTRA != 0 {
        let Some(&[low, high]) = begin.get(10..12) else {
            return Ok(None);
        };
        length = 12 + usize::from(u16::from_le_bytes([low, high]));
    }
    for text in [NAMED, COMMENTED] {
        if flags & text != 0 {
            let after = begin.get(length..).unwrap_or_default();
            let Some(end) = memchr::memchr(0, after) else {
                return Ok(None);
            };
            length += end + 1;
        }
    }
    if flags & CHECKED != 0 {
        length += 2;
    }
    Ok((begin.len() >= length).then_some(length))
}

fn bad() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the content is not valid for its Content-Encoding",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `gzip.compress(b"hello, hello, hello\n", mtime=0)`, with a name added to its header.
    const GZIP: &[u8] = b"\x1f\x8b\x08\x08\0\0\0\0\x02\xff\
        name\0\xcb\x48\xcd\xc9\xc9\xd7\x51\xc8\x40\xa2\xb8\x00\xe7\x42\x6e\x52\x14\x00\x00\x00";
    /// `zlib.compress` of the same. Without its header and trailer it is raw deflate data.
    const ZLIB: &[u8] = b"\x78\x9c\xcb\x48\xcd\xc9\xc9\xd7\x51\xc8\x40\xa2\xb8\x00\x4b\x07\x06\xdf";

    fn decoded(coding: &str, bytes: &[u8], step: usize) -> io::Result<(String, bool)> {
        let decoder = Decoder::of(coding.as_bytes()).expect("a known coding");
        let mut decoder = decoder.expect("a coding");
        let mut text = Vec::new();
        for block in bytes.chunks(step) {
            decoder.take(block, |bytes| {
                text.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        Ok((String::from_utf8(text).expect("UTF-8"), decoder.is_cut()))
    }

    #[test]
    fn content_is_decompressed_in_blocks_of_any_size() {
        let bare = &ZLIB[2..ZLIB.len() - 4];
        for step in [1, 3, 100] {
            for (coding, bytes) in [("gzip", GZIP), ("Deflate", ZLIB), ("deflate", bare)] {
                let whole = ("hello, hello, hello\n".to_owned(), false);
                assert_eq!(decoded(coding, bytes, step).expect("decoded"), whole);
            }
        }
    }

    #[test]
    fn cut_or_invalid_content_is_detected() {
        assert!(decoded("gzip", &GZIP[..18], 100).expect("decoded").1);
        assert!(decoded("gzip", &GZIP[..5], 100).expect("decoded").1);
        assert!(decoded("gzip", b"hello", 1).is_err());
        assert!(decoded("deflate", b"\xff\xff\xff\xff\xff", 100).is_err());
        assert!(Decoder::of(b"br").is_err());
        assert!(matches!(Decoder::of(b"identity"), Ok(None)));
    }

    #[test]
    fn output_may_be_much_larger_than_the_input() {
        let little = miniz_oxide::deflate::compress_to_vec(&vec![0; 1 << 20], 6);
        let mut decoder = Decoder::of(b"deflate").expect("known").expect("a coding");
        let mut length = 0;
        for block in little.chunks(7) {
            let count = |bytes: &[u8]| {
                length += bytes.len();
                Ok(())
            };
            decoder.take(block, count).expect("decoded");
        }
        assert_eq!((length, decoder.is_cut()), (1 << 20, false));
    }
}
