//! The request reader as a whole: what it must accept, what it must refuse, and that the cutting
//! of the input into pieces never matters.

mod accepted;
mod properties;
mod refused;

use super::{Event, Limits, RequestHead, RequestReader};

/// An event as a test remembers it; adjacent pieces of content are one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Head(Box<RequestHead>),
    Body(Vec<u8>),
    End,
    Refused(u16),
    Closed,
}

/// Everything a reader says about `pieces`; `ended` when the client has closed its side after them.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: Limits, ended: bool) -> Vec<Seen> {
    let mut reader = RequestReader::new(limits);
    let mut seen = Vec::new();
    for piece in pieces {
        reader.feed(piece);
        drain(&mut reader, &mut seen);
    }
    if ended {
        reader.end_of_input();
        drain(&mut reader, &mut seen);
    }
    seen
}

fn drain(reader: &mut RequestReader, seen: &mut Vec<Seen>) {
    loop {
        let event = match reader.next_event() {
            Event::NeedMore => return,
            Event::Head(head) => Seen::Head(head),
            Event::Body(bytes) => {
                assert!(!bytes.is_empty(), "an empty piece of content says nothing");
                if let Some(Seen::Body(body)) = seen.last_mut() {
                    body.extend_from_slice(bytes);
                    continue;
                }
                Seen::Body(bytes.to_vec())
            }
            Event::End => Seen::End,
            Event::Refused(refusal) => Seen::Refused(refusal.status()),
            Event::Closed => {
                if seen.last() != Some(&Seen::Closed) {
                    seen.push(Seen::Closed);
                }
                return;
            }
        };
        seen.push(event);
    }
}

/// What is said about `wire` in one piece, after a check that single bytes make no difference.
fn read_whole(wire: &[u8]) -> Vec<Seen> {
    let whole = read([wire], Limits::default(), false);
    let single = read(wire.chunks(1), Limits::default(), false);
    assert_eq!(whole, single, "cut into bytes: {}", wire.escape_ascii());
    whole
}
