//! The head that a script writes (RFC 3875, section 6.3), as far as whoever passes it on has to know it:
//! where it ends, its status and the length that it announces.

/// No server takes a head as long as this.
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
pub(super) enum Passed {
    /// The head is not complete: nothing of it is passed on.
    Nothing,
    /// It is: these bytes of head, and the rest of what arrived is content.
    Head(Vec<u8>, usize),
    /// It never ends.
    TooLong,
}

impl OutputHead {
    /// What it says, once it is complete.
    pub(super) fn said(&self) -> Option<Said> {
        self.said
    }

    /// Takes bytes of a head that is not complete; `Head` says how many of them are still head.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Passed {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let Some(end) = end_of(&self.bytes, before.saturating_sub(3)) else {
            return if self.bytes.len() > LONGEST {
                Passed::TooLong
            } else {
                Passed::Nothing
            };
        };
        let mut head = std::mem::take(&mut self.bytes);
        head.truncate(end);
        self.said = Some(read(&head));
        Passed::Head(head, end - before)
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
                Passed::Nothing => match head.add(&whole[cut..]) {
                    Passed::Head(head, used) => {
                        assert_eq!(head.len() + 4, whole.len());
                        &whole[cut + used..]
                    }
                    other => panic!("{cut}: {other:?}"),
                },
                Passed::Head(_, used) => &whole[used..],
                Passed::TooLong => panic!("{cut}"),
            };
            assert_eq!(content, b"body", "{cut}");
            let said = head.said().expect("complete");
            assert_eq!((said.status, said.length), (404, Some(4)));
        }
    }

    #[test]
    fn what_is_not_said_is_usual() {
        for (text, status) in [
            ("X: y\n\n", 200),
            ("Location: /\n\n", 302),
            ("status:204\n\n", 204),
        ] {
            let mut head = OutputHead::default();
            assert!(
                matches!(head.add(text.as_bytes()), Passed::Head(..)),
                "{text}"
            );
            assert_eq!(head.said().map(|said| said.status), Some(status), "{text}");
        }
    }

    #[test]
    fn a_head_that_never_ends_is_given_up() {
        let mut head = OutputHead::default();
        let line = [b'x'; 4096];
        let given_up = (0..300).any(|_| head.add(&line) == Passed::TooLong);
        assert!(given_up);
    }
}
