//! The head that a script writes (RFC 3875, section 6.3), as far as the relay has to know it: where
//! it ends, its status and its Content-Length.

/// A longer head is an error; no server accepts one.
const LONGEST: usize = 1024 * 1024;

/// A head that arrives.
#[derive(Debug, Default)]
pub(super) struct OutputHead {
    bytes: Vec<u8>,
    said: Option<Said>,
}

/// What a complete head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) length: Option<u64>,
}

/// What to do with the bytes that arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeadProgress {
    /// The head is not complete: nothing of it is passed on.
    Nothing,
    /// The head is complete: its bytes, and how many of those that arrived last belong to it.
    Head(Vec<u8>, usize),
    /// The head is too long.
    TooLong,
}

impl OutputHead {
    /// What it says, once it is complete.
    pub(super) fn said(&self) -> Option<Said> {
        self.said
    }

    /// Takes bytes of a head that is not complete; `Head` says how many of them are still head.
    pub(super) fn add(&mut self, bytes: &[u8]) -> HeadProgress {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let Some(end) = end_of(&self.bytes, before.saturating_sub(3)) else {
            return if self.bytes.len() > LONGEST {
                HeadProgress::TooLong
            } else {
                HeadProgress::Nothing
            };
        };
        let mut head = std::mem::take(&mut self.bytes);
        head.truncate(end);
        self.said = Some(read(&head));
        HeadProgress::Head(head, end - before)
    }
}

/// Where the first empty line ends, looked for from there on.
fn end_of(bytes: &[u8], from: usize) -> Option<usize> {
    let mut lines = memchr::memchr_iter(b'\n', &bytes[from..]).map(|at| from + at);
    lines.find_map(|end| match &bytes[end + 1..] {
        [b'\n', ..] => Some(end + 2),
        [b'\r', b'\n', ..] => Some(end + 3),
        _ => None,
    })
}

fn read(head: &[u8]) -> Said {
    let value = |wanted: &[u8]| {
        head.split(|&byte| byte == b'\n').find_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            let (name, value) = line.split_at(colon);
            name.eq_ignore_ascii_case(wanted)
                .then(|| value[1..].trim_ascii())
        })
    };
    let number = |text: &[u8]| {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(&text[..digits])
            .ok()?
            .parse::<u64>()
            .ok()
    };
    let status = value(b"status").and_then(number);
    let status = status.and_then(|status| u16::try_from(status).ok());
    let default = if value(b"location").is_some() {
        302
    } else {
        200
    };
    Said {
        status: status.unwrap_or(default),
        length: value(b"content-length").and_then(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_wherever_it_is_cut() {
        let whole = b"Status: 404 Not Found\r\nContent-Length: 4\r\n\r\nbody";
        for cut in 0..whole.len() {
            let mut head = OutputHead::default();
            let first = head.add(&whole[..cut]);
            let content = match first {
                HeadProgress::Nothing => match head.add(&whole[cut..]) {
                    HeadProgress::Head(head, used) => {
                        assert_eq!(head.len() + 4, whole.len());
                        &whole[cut + used..]
                    }
                    other => panic!("{cut}: {other:?}"),
                },
                HeadProgress::Head(_, used) => &whole[used..],
                HeadProgress::TooLong => panic!("{cut}"),
            };
            assert_eq!(content, b"body", "{cut}");
            let said = head.said().expect("complete");
            assert_eq!((said.status, said.length), (404, Some(4)));
        }
    }

    #[test]
    fn missing_fields_have_defaults() {
        for (text, status) in [
            ("X: y\n\n", 200),
            ("Location: /\n\n", 302),
            ("status:204\n\n", 204),
        ] {
            let mut head = OutputHead::default();
            assert!(
                matches!(head.add(text.as_bytes()), HeadProgress::Head(..)),
                "{text}"
            );
            assert_eq!(head.said().map(|said| said.status), Some(status), "{text}");
        }
    }

    #[test]
    fn a_head_without_an_end_is_too_long() {
        let mut head = OutputHead::default();
        let line = [b'x'; 4096];
        let given_up = (0..300).any(|_| head.add(&line) == HeadProgress::TooLong);
        assert!(given_up);
    }
}
