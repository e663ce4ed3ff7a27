//! Any bytes, cut anywhere, into the reader of SCGI. It must not panic; the cutting must make no
//! difference; the content is as long as was announced and no longer than is allowed; of a complete
//! request the last byte was asked for alone.

#![no_main]
use libfuzzer_sys::fuzz_target;

use doors::scgi::{Event, Reader};
use exchange::MetaVariables;

const HEAD: usize = 512;
const BODY: u64 = 100;

#[derive(Debug, PartialEq, Eq)]
struct Seen {
    meta: Option<MetaVariables>,
    content: Vec<u8>,
    end: Option<Result<(), u16>>,
    taken: usize,
}

/// Reads as a connection does: what is wanted, in pieces of at most so many bytes.
fn read(bytes: &[u8], most: usize) -> Seen {
    let mut reader = Reader::new(HEAD, BODY);
    let mut seen = Seen { meta: None, content: Vec::new(), end: None, taken: 0 };
    loop {
        match reader.next_event() {
            Event::NeedMore if seen.taken == bytes.len() => return seen,
            Event::NeedMore => {
                let wanted = usize::try_from(reader.wanted()).expect("within the limits");
                assert!(wanted > 0);
                let is_last = reader.is_last();
                let end = bytes.len().min(seen.taken + wanted.min(most));
                reader.feed(&bytes[seen.taken..end]);
                assert!(!is_last || end - seen.taken == 1);
                seen.taken = end;
            }
            Event::Head(meta) => {
                assert!(seen.meta.is_none() && seen.content.is_empty());
                assert!(meta.iter().all(|(name, _)| !name.is_empty() && !name.contains(&b'=')));
                seen.meta = Some(meta);
            }
            Event::Content(piece) => {
                assert!(seen.meta.is_some() && !piece.is_empty());
                seen.content.extend(piece);
                assert!(seen.content.len() as u64 <= BODY);
            }
            Event::End => {
                assert!(seen.meta.is_some());
                seen.end = Some(Ok(()));
                return seen;
            }
            Event::Refused(status, _) => {
                assert!((400..500).contains(&status));
                seen.end = Some(Err(status));
                // How much was read of what is refused depends on the cutting.
                seen.taken = 0;
                return seen;
            }
        }
    }
}

fuzz_target!(|input: (u8, &[u8])| {
    let (most, bytes) = input;
    let whole = read(bytes, usize::MAX);
    let pieces = read(bytes, usize::from(most) + 1);
    assert_eq!(whole.end, pieces.end);
    assert_eq!(whole.taken, pieces.taken);
    if whole.end == Some(Ok(())) {
        assert_eq!(whole, pieces);
    }
});
