//! The chunked transfer coding (RFC 9112, section 7.1), decoded in place: the decoder says how
//! much of the input is content and how much is not, and copies nothing.

use super::grammar::{digit, is_tchar};
use super::lines::{LineScan, SectionScan};
use super::{Fields, Limits, Refusal, limits};

/// Decodes one chunked body.
#[derive(Clone, Debug)]
pub struct ChunkedDecoder {
    state: State,
    limits: Limits,
    /// Content announced so far.
    content: u64,
    /// Bytes of chunk extensions so far.
    extensions: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Size(LineScan),
    Content(u64),
    ContentEnd,
    Trailers(SectionScan),
}

/// What the input begins with. The decoder wants it again without those bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Too little to say; the same input and more is wanted.
    NeedMore,
    /// So many bytes of framing.
    Framing(usize),
    /// So many bytes of content.
    Content(usize),
    /// So many bytes of framing, the last of the body.
    End(usize),
}

impl ChunkedDecoder {
    /// A decoder at the start of a body.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            state: State::Size(LineScan::default()),
            limits,
            content: 0,
            extensions: 0,
        }
    }

    /// Decodes the start of `input`. Fails when it is not a chunked body, or exceeds the limits.
    pub fn next(&mut self, input: &[u8]) -> Result<Chunk, Refusal> {
        match &mut self.state {
            State::Size(scan) => {
                const TOO_LONG: Refusal = Refusal::bad("a chunk's extensions are too long");
                let Some(length) = scan.find(input, limits::CHUNK_LINE, TOO_LONG)? else {
                    return Ok(Chunk::NeedMore);
                };
                let size = self.size(&input[..length])?;
                self.state = match size {
                    0 => State::Trailers(SectionScan::default()),
                    size => State::Content(size),
                };
                Ok(Chunk::Framing(length + 2))
            }
            State::Content(left) => {
                let length = input
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= length as u64;
                if *left == 0 {
                    self.state = State::ContentEnd;
                }
                Ok(match length {
                    0 => Chunk::NeedMore,
                    length => Chunk::Content(length),
                })
            }
            State::ContentEnd => match input {
                [] | [b'\r'] => Ok(Chunk::NeedMore),
                [b'\r', b'\n', ..] => {
                    self.state = State::Size(LineScan::default());
                    Ok(Chunk::Framing(2))
                }
                _ => Err(Refusal::bad("a chunk does not end where its size says")),
            },
            State::Trailers(scan) => {
                let Some(length) = scan.find(input, limits::TRAILERS, &self.limits)? else {
                    return Ok(Chunk::NeedMore);
                };
                check_trailers(&input[..length], self.limits.fields)?;
                Ok(Chunk::End(length))
            }
        }
    }

    /// `chunk-size [ chunk-ext ]`
    fn size(&mut self, line: &[u8]) -> Result<u64, Refusal> {
        let mut size: u64 = 0;
        let mut rest = line;
        while let [byte, after @ ..] = rest
            && let Some(digit) = digit(*byte)
        {
            // Section 7.1: anticipate large numerals. No limit allows what does not fit.
            let overflows = size.leading_zeros() < 4;
            size = if overflows {
                u64::MAX
            } else {
                size << 4 | u64::from(digit)
            };
            rest = after;
        }
        if rest.len() == line.len() {
            return Err(Refusal::bad("a chunk has no size"));
        }
        if !are_extensions(rest) {
            return Err(Refusal::bad("a chunk's size is malformed"));
        }
        self.extensions += rest.len();
        if self.extensions > limits::CHUNK_EXTENSIONS {
            return Err(Refusal::bad("the chunk extensions are too long"));
        }
        self.content = self.content.saturating_add(size);
        if self.content > self.limits.body {
            return Err(Refusal::too_large(self.limits.body));
        }
        Ok(size)
    }
}

/// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )` (section 7.1.1). The white
/// space must be read past; after the size alone or at the end of the line there is none.
fn are_extensions(mut text: &[u8]) -> bool {
    while !text.is_empty() {
        let Some(rest) = without_space(text)
            .strip_prefix(b";")
            .and_then(|rest| after_token(without_space(rest)))
        else {
            return false;
        };
        text = match without_space(rest).strip_prefix(b"=").map(without_space) {
            None => rest,
            Some(value) => match after_quoted(value).or_else(|| after_token(value)) {
                Some(rest) => rest,
                None => return false,
            },
        };
    }
    true
}

fn without_space(text: &[u8]) -> &[u8] {
    let space = text
        .iter()
        .take_while(|&&byte| byte == b' ' || byte == b'\t');
    &text[space.count()..]
}

fn after_token(text: &[u8]) -> Option<&[u8]> {
    let length = text.iter().take_while(|&&byte| is_tchar(byte)).count();
    (length > 0).then(|| &text[length..])
}

/// quoted-string (RFC 9110, section 5.6.4); controls were refused with the line.
fn after_quoted(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\'] | [] => return None,
            [b'\\', _, after @ ..] | [_, after @ ..] => after,
        }
    }
}

/// Trailer fields are read and dropped, which section 7.1.2 allows; but they must be fields, and
/// none that would have changed the framing or the host (RFC 9110, section 6.5.1).
fn check_trailers(section: &[u8], count: usize) -> Result<(), Refusal> {
    let fields = Fields::parse(section, count)?;
    for name in ["content-length", "transfer-encoding", "host"] {
        if fields.all(name).next().is_some() {
            return Err(Refusal::bad(
                "Content-Length, Transfer-Encoding and Host are not allowed as trailer fields",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_follow_the_grammar() {
        for good in [
            "",
            ";a",
            " ; a",
            ";\ta = b",
            ";a;b=c;d=\"e;\\\"f\\\\ \u{e9}\"",
            ";a=\"\"",
            ";a ;b",
        ] {
            assert!(are_extensions(good.as_bytes()), "{good}");
        }
        for bad in [
            " ",
            ";",
            ";;a",
            ";a ",
            ";a=",
            ";a=\"b",
            ";a=\"b\\",
            ";a=\"b\"c",
            "; =a",
            ";a b",
            "a",
            ";\u{e9}",
            ";a=\"b\" ",
            ";a==b",
            ";a=b=c",
        ] {
            assert!(!are_extensions(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn content_is_refused_when_it_is_announced() {
        let limits = Limits {
            body: 10,
            ..Limits::default()
        };
        let status = |line: &[u8]| {
            let refused = ChunkedDecoder::new(limits).next(line);
            refused.map_err(|refusal| refusal.status())
        };
        assert_eq!(status(b"a\r\n"), Ok(Chunk::Framing(3)));
        for line in [
            "b\r\n",
            "FFFFFFFFFFFFFFFF\r\n",
            "10000000000000000000000001\r\n",
        ] {
            assert_eq!(status(line.as_bytes()), Err(413), "{line}");
        }
    }
}
