//! What holds for every input: the pieces it comes in make no difference, and what is understood
//! is what a simpler reading of the whole gives.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{Seen, read};
use crate::http::{BodyFraming, Chunk, ChunkedDecoder, Limits, Version};

/// Cuts `wire` at the given places.
fn cut<'a>(wire: &'a [u8], places: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|at| at.index(wire.len() + 1)).collect();
    places.extend([0, wire.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| &wire[pair[0]..pair[1]])
        .collect()
}

/// The content of a chunked body at the start of `wire` and how long the body was; `None` when it
/// is malformed or not complete. RFC 9112, section 7.1.3, read off the whole input.
fn chunked_reference(wire: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut content = Vec::new();
    let mut rest = wire;
    loop {
        let (line, after) = reference_line(rest)?;
        let (size, extensions) = match line.find(|c: char| !c.is_ascii_hexdigit()) {
            Some(end) => line.split_at(end),
            None => (line, ""),
        };
        if !reference_extensions(extensions) {
            return None;
        }
        let size = usize::from_str_radix(size, 16).ok()?;
        rest = after;
        if size == 0 {
            break;
        }
        content.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
    loop {
        let (line, after) = reference_line(rest)?;
        rest = after;
        if line.is_empty() {
            return Some((content, wire.len() - rest.len()));
        }
        let (name, _) = line.split_once(':')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let forbidden = ["content-length", "transfer-encoding", "host"];
        if name.is_empty()
            || !name.chars().all(is_name)
            || forbidden.contains(&&*name.to_lowercase())
        {
            return None;
        }
    }
}

fn reference_line(wire: &[u8]) -> Option<(&str, &[u8])> {
    let end = wire.windows(2).position(|pair| pair == b"\r\n")?;
    let line = std::str::from_utf8(&wire[..end]).ok()?;
    let is_fine = line.chars().all(|c| c == '\t' || !c.is_ascii_control());
    is_fine.then_some((line, &wire[end + 2..]))
}

/// Quoted strings become words, white space around `;` and `=` goes; what is left must be words.
fn reference_extensions(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '"' {
            plain.push(c);
            continue;
        }
        if !plain.trim_end_matches([' ', '\t']).ends_with('=') {
            return false;
        }
        loop {
            match chars.next() {
                None => return false,
                Some('"') => break,
                Some('\\') if chars.next().is_none() => return false,
                Some(_) => {}
            }
        }
        // A word cannot follow without a separator.
        plain.push_str("q\u{1}");
    }
    let space = [' ', '\t'];
    if plain.ends_with(space) {
        return false;
    }
    let mut parts = plain.split(';');
    let before = parts.next().unwrap_or_default();
    before.chars().all(|c| space.contains(&c))
        && parts.clone().count() > 0
        && parts.all(|part| {
            let words: Vec<&str> = part
                .split('=')
                .map(|word| word.trim_matches(space))
                .collect();
            words.len() <= 2
                && words.iter().all(|word| {
                    let word = word.strip_suffix('\u{1}').unwrap_or(word);
                    let is_word =
                        |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
                    !word.is_empty() && word.chars().all(is_word)
                })
        })
}

/// What the decoder makes of pieces: the content and the length of a complete body.
fn decode(pieces: &[&[u8]]) -> Result<Option<(Vec<u8>, usize)>, u16> {
    let mut decoder = ChunkedDecoder::new(Limits::default());
    let (mut input, mut taken, mut content) = (Vec::new(), 0, Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let rest: &[u8] = &input[taken..];
            match decoder.next(rest).map_err(|refusal| refusal.status())? {
                Chunk::NeedMore => break,
                Chunk::Framing(length) => taken += length,
                Chunk::Content(length) => {
                    content.extend_from_slice(&rest[..length]);
                    taken += length;
                }
                Chunk::End(length) => return Ok(Some((content, taken + length))),
            }
        }
    }
    Ok(None)
}

/// Words that make up chunked bodies, good and bad ones.
fn chunked_words() -> impl Strategy<Value = Vec<u8>> {
    let word = select(vec![
        "1\r\n",
        "2\r\n",
        "0\r\n",
        "\r\n",
        "1\r\na\r\n",
        "3;x\r\nabc\r\n",
        "02\r\n\r\n\r\n",
        "5",
        "a",
        "\r",
        "\n",
        ";",
        "=",
        "\"",
        "\\",
        " ",
        "\t",
        "x",
        "0\r\n\r\n",
        "X: y\r\n",
        "Host: h\r\n",
        ":",
        "ffffffffffffffffff",
        "2 ; x = \"y\"\r\nab\r\n",
        "1;a\r\n",
        "\u{e9}",
        "-",
        "0x",
        "\0",
    ]);
    vec(word, 0..12).prop_map(|words| words.concat().into_bytes())
}

/// A request as a client meant it.
#[derive(Clone, Debug)]
struct Sent {
    empty_line: bool,
    method: String,
    path: String,
    query: Option<String>,
    fields: Vec<(String, String)>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Length(Vec<u8>),
    Chunked(Vec<(Vec<u8>, String)>, Vec<(String, String)>),
}

fn field() -> impl Strategy<Value = (String, String)> {
    (
        "[A-Za-z][A-Za-z0-9-]{0,10}",
        "([!-~]([ -~\u{e9}\t]{0,20}[!-~])?)?",
    )
        .prop_map(|(name, value)| (format!("X-{name}"), value))
}

fn body() -> impl Strategy<Value = Body> {
    let extension =
        select(vec!["", ";a", ";a=b", " ; a=\"b;\\\"c\"", ";a;b=\"\""]).prop_map(Into::into);
    let chunk = (vec(any::<u8>(), 1..40), extension);
    prop_oneof![
        Just(Body::None),
        vec(any::<u8>(), 0..100).prop_map(Body::Length),
        (vec(chunk, 0..4), vec(field(), 0..3))
            .prop_map(|(chunks, trailers)| Body::Chunked(chunks, trailers)),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    let query = proptest::option::of("[!\"$-~]{0,20}");
    (
        any::<bool>(),
        "[A-Z][A-Z-]{0,10}",
        "/[a-z0-9/._~;=-]{0,20}",
        query,
        vec(field(), 0..5),
        body(),
    )
        .prop_filter("a method of another meaning", |sent| sent.1 != "CONNECT")
        .prop_map(|(empty_line, method, path, query, fields, body)| Sent {
            empty_line,
            method,
            path,
            query,
            fields,
            body,
        })
}

impl Sent {
    fn wire(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        let query = self
            .query
            .as_ref()
            .map_or(String::new(), |query| format!("?{query}"));
        let start = if self.empty_line { "\r\n" } else { "" };
        wire.extend(
            format!(
                "{start}{} {}{query} HTTP/1.1\r\nHost: h\r\n",
                self.method, self.path
            )
            .bytes(),
        );
        for (name, value) in &self.fields {
            wire.extend(format!("{name}: {value}\r\n").bytes());
        }
        match &self.body {
            Body::None => wire.extend(b"\r\n"),
            Body::Length(content) => {
                wire.extend(format!("Content-Length: {}\r\n\r\n", content.len()).bytes());
                wire.extend(content);
            }
            Body::Chunked(chunks, trailers) => {
                wire.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                for (content, extension) in chunks {
                    wire.extend(format!("{:X}{extension}\r\n", content.len()).bytes());
                    wire.extend(content);
                    wire.extend(b"\r\n");
                }
                wire.extend(b"0\r\n");
                for (name, value) in trailers {
                    wire.extend(format!("{name}: {value}\r\n").bytes());
                }
                wire.extend(b"\r\n");
            }
        }
        wire
    }

    fn framing_and_content(&self) -> (BodyFraming, Vec<u8>) {
        match &self.body {
            Body::None => (BodyFraming::None, Vec::new()),
            Body::Length(content) => (BodyFraming::Length(content.len() as u64), content.clone()),
            Body::Chunked(chunks, _) => {
                let content: Vec<&[u8]> = chunks.iter().map(|(content, _)| &content[..]).collect();
                (BodyFraming::Chunked, content.concat())
            }
        }
    }
}

proptest! {
    /// The decoder takes exactly the bodies that the reference takes, with the same content.
    #[test]
    fn the_chunked_decoder_agrees_with_the_reference(
        wire in chunked_words(),
        places in vec(any::<Index>(), 0..6),
    ) {
        let whole = decode(&[&wire]);
        prop_assert_eq!(whole.clone().ok().flatten(), chunked_reference(&wire));
        prop_assert_eq!(&decode(&cut(&wire, &places)), &whole);
        prop_assert_eq!(&decode(&wire.chunks(1).collect::<Vec<_>>()), &whole);
    }

    /// Requests in a row are understood as they were meant, wherever the network cuts them.
    #[test]
    fn pipelined_requests_are_understood_as_they_were_meant(
        requests in vec(sent(), 1..5),
        places in vec(any::<Index>(), 0..12),
    ) {
        let wire = requests.iter().flat_map(Sent::wire).collect::<Vec<u8>>();
        let mut seen = read(cut(&wire, &places), Limits::default(), true).into_iter();
        for request in &requests {
            let Some(Seen::Head(head)) = seen.next() else {
                return Err(TestCaseError::fail("no head"));
            };
            let (framing, content) = request.framing_and_content();
            prop_assert_eq!(&head.line.method, request.method.as_bytes());
            prop_assert_eq!(&head.line.target.path, request.path.as_bytes());
            prop_assert_eq!(head.line.target.query.as_deref(), request.query.as_ref().map(String::as_bytes));
            prop_assert_eq!(head.line.version, Version::Http11);
            prop_assert_eq!(head.framing, framing);
            prop_assert!(head.keep_alive);
            let fields: Vec<_> = head.fields.iter().filter(|(name, _)| name.starts_with(b"X-")).collect();
            let meant: Vec<_> = request.fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
            prop_assert_eq!(fields, meant);
            if !content.is_empty() {
                prop_assert_eq!(seen.next(), Some(Seen::Body(content)));
            }
            prop_assert_eq!(seen.next(), Some(Seen::End));
        }
        prop_assert_eq!(seen.collect::<Vec<_>>(), [Seen::Closed]);
    }

    /// Whatever arrives, it is the same in one piece, in some and in single bytes.
    #[test]
    fn the_cutting_of_garbage_makes_no_difference(
        words in vec(
            prop_oneof![
                8 => select(vec![
                    "GET / HTTP/1.1\r\n", "POST /x HTTP/1.1\r\n", "GET / HTTP/1.0\r\n", "Host: h\r\n",
                    "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n",
                    "\r\n", "abc", "0\r\n\r\n", "3\r\n", "\r", "\n", " ", "X: y\r\n", "Host: h\r\n\r\n",
                ]).prop_map(|word| word.as_bytes().to_vec()),
                1 => vec(any::<u8>(), 0..4),
            ],
            0..20,
        ),
        places in vec(any::<Index>(), 0..12),
        ended: bool,
    ) {
        let wire = words.concat();
        let limits = Limits { request_line: 40, head: 120, fields: 4, body: 8 };
        let whole = read([&wire[..]], limits, ended);
        prop_assert_eq!(&read(cut(&wire, &places), limits, ended), &whole);
        prop_assert_eq!(&read(wire.chunks(1), limits, ended), &whole);
    }
}
