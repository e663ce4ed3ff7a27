//! Any bytes, cut anywhere, into the request reader. It must not panic; the cutting must make no
//! difference; no request has more content than its framing and the limit allow; events come in
//! their order.

#![no_main]
use libfuzzer_sys::fuzz_target;

use doors::http::{BodyFraming, Endpoints, Event, Limits, RequestHead, RequestReader};

/// Small, so that a short input can go over each of them.
const LIMITS: Limits = Limits {
    request_line: 64,
    head: 256,
    fields: 5,
    body: 100,
};

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Head(Box<RequestHead>),
    Body(Vec<u8>),
    End,
    Refused(u16),
    Closed,
}

/// Everything the reader says about `pieces`, adjacent pieces of content joined.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: Limits) -> Vec<Seen> {
    let mut reader = RequestReader::new(limits);
    let mut seen = Vec::new();
    for piece in pieces {
        reader.feed(piece);
        drain(&mut reader, &mut seen);
    }
    reader.end_of_input();
    drain(&mut reader, &mut seen);
    assert_eq!(seen.last(), Some(&Seen::Closed), "nothing follows the end");
    seen
}

fn drain(reader: &mut RequestReader, seen: &mut Vec<Seen>) {
    loop {
        let event = match reader.next_event() {
            Event::NeedMore => return,
            Event::Head(head) => Seen::Head(head),
            Event::Body(bytes) => {
                assert!(!bytes.is_empty());
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

fn check(seen: &[Seen], limits: Limits) {
    let mut open: Option<(&RequestHead, u64)> = None;
    for (at, event) in seen.iter().enumerate() {
        match (event, &mut open) {
            (Seen::Head(head), None) => {
                check_head(head);
                open = Some((head, 0));
            }
            (Seen::Body(bytes), Some((head, sum))) => {
                *sum += bytes.len() as u64;
                let most = match head.framing {
                    BodyFraming::None => 0,
                    BodyFraming::Length(length) => length,
                    BodyFraming::Chunked => limits.body,
                };
                assert!(*sum <= most && most <= limits.body);
            }
            (Seen::End, Some((head, sum))) => {
                match head.framing {
                    BodyFraming::None => assert_eq!(*sum, 0),
                    BodyFraming::Length(length) => assert_eq!(*sum, length),
                    BodyFraming::Chunked => {}
                }
                let more = !matches!(seen.get(at + 1), Some(Seen::Closed));
                assert!(head.keep_alive || !more, "a request after `close`");
                open = None;
            }
            (Seen::Refused(status), _) => {
                assert!([400, 413, 414, 417, 421, 431, 501, 505].contains(status));
                assert_eq!(seen[at + 1..], [Seen::Closed], "nothing follows a refusal");
                return;
            }
            (Seen::Closed, None) => {}
            (event, open) => panic!("{event:?} while {open:?}"),
        }
    }
}

/// What an application is told cannot hold what a meta-variable or a log line cannot.
fn check_head(head: &RequestHead) {
    let meta = doors::http::meta_variables(head, &Endpoints::default(), Some(1));
    for (name, value) in meta.iter() {
        assert!(name.iter().all(u8::is_ascii_graphic) && !name.contains(&b'='));
        assert!(!value.contains(&0));
        let decoded = name == b"PATH_INFO";
        let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        assert!(decoded || !value.iter().any(is_control), "{name:?}");
    }
    assert!(meta.get("HTTP_PROXY").is_none() && meta.get("HTTP_TRANSFER_ENCODING").is_none());
    assert!(head.fields.all("host").count() <= 1);
}

fuzz_target!(|input: &[u8]| {
    // The first byte decides where to cut and which limits hold.
    let Some((&choice, wire)) = input.split_first() else {
        return;
    };
    let limits = if choice & 1 == 0 {
        LIMITS
    } else {
        Limits::default()
    };
    let whole = read([wire], limits);
    check(&whole, limits);
    assert_eq!(read(wire.chunks(1), limits), whole);
    assert_eq!(
        read(wire.chunks(usize::from(choice >> 1) + 2), limits),
        whole
    );
});
