//! Which pages a request writes to: recorded by the first request that is answered from an image, kept beside
//! it, and fetched at once for later requests, which costs half of a page fault for each page.

use super::encoding::{Reader, Writer};
use super::format::{Content, EAGER, Head, PAGE, sum};

/// The first bytes of such a file.
const MAGIC: u64 = 0x3167_7061_6e73_6377;

/// A request that writes to more pages is not typical: nothing is recorded.
const MOST: u64 = 4096;

/// No list is longer, in bytes.
pub const LONGEST: u64 = 16 * EAGER as u64 + 32;

/// As bytes, for the image that was last written to at that time.
#[must_use]
pub fn encode(sealed: u64, parts: &[(u64, u64)]) -> Vec<u8> {
    let pages: u64 = parts.iter().map(|(_, length)| length / PAGE).sum();
    let parts = if pages > MOST || parts.len() > EAGER {
        &[]
    } else {
        parts
    };
    let mut to = Writer::default();
    to.number(MAGIC);
    to.number(sealed);
    to.list(parts, Writer::pair);
    let sum = sum(to.as_bytes());
    to.number(sum);
    to.into_bytes()
}

/// The parts, where these bytes belong to that image and are not damaged; an empty list where fetching does
/// not pay.
#[must_use]
pub fn decode(bytes: &[u8], head: &Head) -> Option<Vec<(u64, u64)>> {
    let content = bytes.len().checked_sub(8)?;
    let mut end = Reader::new(&bytes[content..]);
    if end.number()? != sum(&bytes[..content]) {
        return None;
    }
    let mut from = Reader::new(&bytes[..content]);
    if from.number()? != MAGIC || from.number()? != head.sealed {
        return None;
    }
    let parts = from.list(Reader::pair)?;
    let is_within = |&(start, length): &(u64, u64)| {
        let end = start.checked_add(length);
        head.regions.iter().any(|region| {
            matches!(region.content, Content::Image(_))
                && region.protection & 2 != 0
                && region.start <= start
                && end.is_some_and(|end| end <= region.start + region.length)
        })
    };
    (parts.len() <= EAGER && parts.iter().all(is_within)).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::super::format::Region;
    use super::*;

    fn head() -> Head {
        Head {
            sealed: 7,
            regions: vec![Region {
                start: 4096,
                length: 8 * 4096,
                protection: 3,
                content: Content::Image(0),
                advice: 0,
            }],
            ..Head::default()
        }
    }

    #[test]
    fn a_list_of_another_image_or_a_damaged_one_is_refused() {
        let parts = vec![(4096, 4096), (5 * 4096, 8192)];
        let bytes = encode(7, &parts);
        assert_eq!(decode(&bytes, &head()), Some(parts.clone()));
        assert_eq!(decode(&encode(8, &parts), &head()), None);
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert_eq!(decode(&damaged, &head()), None, "{place}");
            assert_eq!(decode(&bytes[..place], &head()), None, "{place}");
        }
    }

    #[test]
    fn pages_outside_of_the_image_are_not_fetched() {
        for part in [(0, 4096), (8 * 4096, 8192), (u64::MAX - 1, 4096)] {
            assert_eq!(decode(&encode(7, &[part]), &head()), None, "{part:?}");
        }
        let many = [(4096, (MOST + 1) * PAGE)];
        assert_eq!(decode(&encode(7, &many), &head()), Some(vec![]));
    }
}
