//! One request, from the first digit of its netstring to the last byte of its content. No more is
//! read than that, and the last byte is read on its own, so that the caller can leave it unread.

use std::borrow::Cow;

use super::head::Head;
use crate::http::too_large;
use exchange::MetaVariables;

/// The most digits that a head within the limit needs, and the colon.
const LONGEST_START: usize = 8;

/// No request is as short as this.
const FIRST: usize = 16;

/// Reads one request.
#[derive(Debug)]
pub struct Reader {
    /// The longest head.
    head_limit: usize,
    /// The longest content.
    body_limit: u64,
    state: State,
    arrived: Vec<u8>,
}

#[derive(Debug)]
enum State {
    /// The length of the head, and its colon.
    Length,
    /// So many bytes of head.
    Head(usize),
    /// The comma, and so many bytes of content.
    Comma(u64),
    /// So many bytes of content are missing.
    Content(u64),
    Over,
}

/// What was read.
#[derive(Debug)]
pub enum Event {
    /// More has to arrive.
    NeedMore,
    /// The head is complete.
    Head(MetaVariables),
    /// Some of the content.
    Content(Vec<u8>),
    /// The request is complete.
    End,
    /// Not a valid request, or one that is too large: a status, and why.
    Refused(u16, Cow<'static, str>),
}

impl Reader {
    /// A reader for a new connection.
    #[must_use]
    pub fn new(head_limit: usize, body_limit: u64) -> Self {
        Self {
            head_limit,
            body_limit,
            state: State::Length,
            arrived: Vec::new(),
        }
    }

    /// Whether nothing has arrived.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        matches!(self.state, State::Length) && self.arrived.is_empty()
    }

    /// Whether the head is complete.
    #[must_use]
    pub fn has_head(&self) -> bool {
        matches!(self.state, State::Comma(_) | State::Content(_))
    }

    /// How many bytes may be read next, so that the last one of the request is read alone.
    #[must_use]
    pub fn wanted(&self) -> u64 {
        let there = self.arrived.len() as u64;
        let missing = match self.state {
            State::Length => return FIRST as u64,
            // The comma may be the last one.
            State::Head(length) => return (length as u64).saturating_sub(there).max(1),
            State::Comma(content) => (content + 1).saturating_sub(there),
            State::Content(missing) => missing,
            State::Over => return 1,
        };
        missing.saturating_sub(1).max(1)
    }

    /// Whether the next byte is the last one of the request.
    #[must_use]
    pub fn is_last(&self) -> bool {
        match self.state {
            State::Comma(content) => content == 0,
            State::Content(missing) => missing == 1,
            _ => false,
        }
    }

    /// Takes what has arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.arrived.extend_from_slice(bytes);
    }

    /// Goes on with what was fed.
    pub fn next_event(&mut self) -> Event {
        match self.state {
            State::Length => match self.length() {
                Ok(Some(length)) => {
                    self.state = State::Head(length);
                    self.next_event()
                }
                Ok(None) => Event::NeedMore,
                Err((status, why)) => self.refuse(status, why),
            },
            State::Head(length) if self.arrived.len() < length => Event::NeedMore,
            State::Head(length) => {
                let rest = self.arrived.split_off(length);
                let head = Head::parse(&std::mem::replace(&mut self.arrived, rest));
                match head {
                    Ok(head) if head.length > self.body_limit => {
                        self.refuse(413, too_large(self.body_limit))
                    }
                    Ok(head) => {
                        self.state = State::Comma(head.length);
                        Event::Head(head.meta)
                    }
                    Err(why) => self.refuse(400, why),
                }
            }
            State::Comma(content) => match self.arrived.first() {
                None => Event::NeedMore,
                Some(b',') => {
                    self.arrived.remove(0);
                    self.state = State::Content(content);
                    self.next_event()
                }
                Some(_) => self.refuse(400, "the head does not end with a comma"),
            },
            State::Content(0) => {
                self.state = State::Over;
                Event::End
            }
            State::Content(_) if self.arrived.is_empty() => Event::NeedMore,
            State::Content(missing) => {
                let most = usize::try_from(missing).unwrap_or(usize::MAX);
                let mut content = std::mem::take(&mut self.arrived);
                content.truncate(most);
                self.state = State::Content(missing - content.len() as u64);
                Event::Content(content)
            }
            State::Over => Event::NeedMore,
        }
    }

    fn refuse(&mut self, status: u16, why: impl Into<Cow<'static, str>>) -> Event {
        self.state = State::Over;
        self.arrived = Vec::new();
        Event::Refused(status, why.into())
    }

    /// The head's length, once its colon has arrived; it is no part of what is left.
    fn length(&mut self) -> Result<Option<usize>, (u16, &'static str)> {
        let start = &self.arrived[..self.arrived.len().min(LONGEST_START)];
        let digits = start
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        match start.get(digits) {
            None if start.len() == LONGEST_START => return Err(TOO_LONG),
            None => return Ok(None),
            // A netstring's length has no zero in front.
            Some(b':') if digits > 0 && start[0] != b'0' => {}
            Some(_) => return Err((400, NOT_SCGI)),
        }
        let text = std::str::from_utf8(&start[..digits]).unwrap_or_default();
        let length = text.parse().map_err(|_| TOO_LONG)?;
        if length > self.head_limit {
            return Err(TOO_LONG);
        }
        self.arrived.drain(..=digits);
        Ok(Some(length))
    }
}

const TOO_LONG: (u16, &str) = (431, "the head is too long");

const NOT_SCGI: &str = "this is not SCGI (it does not begin with a netstring): the web server must speak SCGI here \
                        (nginx: scgi_pass), not HTTP or FastCGI";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(method: &str, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let head = format!("CONTENT_LENGTH\0{length}\0SCGI\x001\0REQUEST_METHOD\0{method}\0");
        let mut bytes = format!("{}:{head},", head.len()).into_bytes();
        bytes.extend_from_slice(content);
        bytes
    }

    /// Reads as a connection does: as much as is wanted, in pieces of at most so many bytes.
    fn read(bytes: &[u8], most: usize) -> (Vec<u8>, Vec<usize>, Event) {
        let mut reader = Reader::new(64 * 1024, 1 << 20);
        let (mut content, mut taken, mut at) = (Vec::new(), Vec::new(), 0);
        loop {
            match reader.next_event() {
                Event::NeedMore if at == bytes.len() => return (content, taken, Event::NeedMore),
                Event::NeedMore => {
                    let wanted = usize::try_from(reader.wanted()).expect("small");
                    let end = bytes.len().min(at + wanted.min(most));
                    taken.push(end - at);
                    reader.feed(&bytes[at..end]);
                    at = end;
                }
                Event::Head(_) => {}
                Event::Content(piece) => content.extend(piece),
                last => return (content, taken, last),
            }
        }
    }

    proptest! {
        #[test]
        fn the_request_is_the_same_however_it_is_cut(
            content in proptest::collection::vec(any::<u8>(), 0..200), most in 1_usize..100,
        ) {
            let (read, taken, end) = read(&request("POST", &content), most);
            prop_assert_eq!(read, content);
            prop_assert!(matches!(end, Event::End));
            prop_assert_eq!(taken.last(), Some(&1));
        }

        #[test]
        fn no_input_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            read(&bytes, 7);
        }

        #[test]
        fn no_head_makes_the_parser_panic(head in proptest::collection::vec(any::<u8>(), 1..300)) {
            let mut bytes = format!("{}:", head.len()).into_bytes();
            bytes.extend(head);
            bytes.push(b',');
            read(&bytes, 50);
        }
    }

    #[test]
    fn a_truncated_request_is_never_complete() {
        let whole = request("POST", b"0123456789");
        for length in 0..whole.len() {
            let (_, _, end) = read(&whole[..length], 1000);
            assert!(matches!(end, Event::NeedMore), "{length}: {end:?}");
        }
    }

    #[test]
    fn what_follows_the_content_is_left_alone() {
        let whole = [request("POST", b"0123456789"), b"GET / HTTP/1.1".to_vec()].concat();
        let (content, taken, end) = read(&whole, 1000);
        assert_eq!(content, b"0123456789");
        assert!(matches!(end, Event::End));
        assert_eq!(taken.iter().sum::<usize>(), whole.len() - 14);
    }

    #[test]
    fn anything_but_a_netstring_is_refused_at_once() {
        for (start, expected) in [
            ("GET / HTTP/1.1\r\n", 400),
            (":", 400),
            ("012:", 400),
            ("-5:", 400),
            (" 70:", 400),
            ("65537:", 431),
            ("99999999", 431),
            ("99999999999:", 431),
        ] {
            match read(start.as_bytes(), 1000).2 {
                Event::Refused(status, _) => assert_eq!(status, expected, "{start}"),
                other => panic!("{start}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_comma_and_the_limit_are_enforced() {
        let mut bytes = request("GET", b"");
        *bytes.last_mut().expect("a comma") = b';';
        assert!(matches!(read(&bytes, 1000).2, Event::Refused(400, _)));
        let large = request("POST", &vec![b'x'; (1 << 20) + 1]);
        assert!(matches!(read(&large, 1 << 20).2, Event::Refused(413, _)));
    }
}
