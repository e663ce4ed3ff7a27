//! Which blocks of memory requests write to, as an earlier process of the same application has learned: a list of keys,
//! whose meaning is that of the executor (`placement`). It stays when an image is replaced.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::capture;
use super::encoding::{Reader, Writer};
use super::format::sum;
use super::pace;
use super::store::{open, remove};

/// The first bytes of such a file.
const MAGIC: u64 = 0x316c_7061_6e73_6377;

/// What was learned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// How many blocks were taken while the application was loaded.
    pub taken: u64,
    /// Those that a request writes to.
    pub keys: Vec<u64>,
}

impl Learned {
    /// Nothing yet: a later making is to learn it.
    #[must_use]
    pub fn due() -> Self {
        Self::default()
    }

    /// Nothing, as it could not be learned.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            taken: 1,
            keys: Vec::new(),
        }
    }

    /// Whether it is to be learned.
    #[must_use]
    pub fn is_due(&self) -> bool {
        *self == Self::due()
    }
}

/// Whether it is to be learned, as the image is used often enough to pay for that.
#[must_use]
pub fn is_due(path: &Path, requests: u64) -> bool {
    // A request asks this: a list is not read for it.
    let is_short = || fs::symlink_metadata(path).is_ok_and(|about| about.len() <= SHORTEST);
    requests >= pace::MANY && is_short() && read(path).is_some_and(|learned| learned.is_due())
}

/// Whether a list, or the note that it is due, was written within a day.
#[must_use]
pub fn is_young(path: &Path) -> bool {
    let written = fs::symlink_metadata(path).and_then(|about| about.modified());
    written.is_ok_and(|time| time.elapsed().is_ok_and(|age| age < DAY))
}

const DAY: Duration = Duration::from_secs(86_400);

/// The longest list. A request that writes to more blocks has no use for it.
const MOST: usize = 1 << 16;

/// The length of a list of nothing, in bytes.
const SHORTEST: u64 = 32;

/// Writes a list in the place of an earlier one.
///
/// # Errors
/// If that is not possible.
pub fn write(path: &Path, learned: &Learned) -> Result<()> {
    remove(path);
    capture::create(path)?.write_all(&encode(learned))?;
    Ok(())
}

/// Reads a list; `None` if there is none, or a damaged one.
#[must_use]
pub fn read(path: &Path) -> Option<Learned> {
    let mut bytes = Vec::new();
    let longest = MOST as u64 * 8 + SHORTEST;
    open(path)
        .ok()?
        .take(longest)
        .read_to_end(&mut bytes)
        .ok()?;
    decode(&bytes)
}

fn encode(learned: &Learned) -> Vec<u8> {
    let mut to = Writer::default();
    to.number(MAGIC);
    to.number(learned.taken);
    let keys = Some(&learned.keys[..]).filter(|keys| keys.len() <= MOST);
    to.list(keys.unwrap_or_default(), |to, &key| to.number(key));
    let sum = sum(to.as_bytes());
    to.number(sum);
    to.into_bytes()
}

fn decode(bytes: &[u8]) -> Option<Learned> {
    let (content, end) = bytes.split_last_chunk()?;
    if u64::from_le_bytes(*end) != sum(content) {
        return None;
    }
    let mut from = Reader::new(content);
    if from.number()? != MAGIC {
        return None;
    }
    Some(Learned {
        taken: from.number()?,
        keys: from.list(Reader::number)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_list_is_not_used() {
        let learned = Learned {
            taken: 5,
            keys: vec![1, u64::MAX, 7],
        };
        let bytes = encode(&learned);
        assert_eq!(decode(&bytes), Some(learned));
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert_eq!(decode(&damaged), None, "{place}");
            assert_eq!(decode(&bytes[..place]), None, "{place}");
        }
    }

    #[test]
    fn a_list_is_due_once_it_pays_and_until_it_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(format!("{}.learned", "0".repeat(32)));
        assert!(!is_due(&path, pace::MANY));
        let keys = vec![3];
        for (learned, expected) in [
            (Learned::due(), true),
            (Learned::nothing(), false),
            (Learned { taken: 9, keys }, false),
        ] {
            write(&path, &learned).expect("written");
            assert_eq!(is_due(&path, pace::MANY), expected, "{learned:?}");
            assert!(!is_due(&path, pace::MANY - 1));
        }
    }

    #[test]
    fn the_longest_list_can_be_read_again_and_a_longer_one_is_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(format!("{}.learned", "0".repeat(32)));
        for (length, kept) in [(MOST, MOST), (MOST + 1, 0)] {
            let keys = vec![3; length];
            write(&path, &Learned { taken: 9, keys }).expect("written");
            assert_eq!(read(&path).map(|learned| learned.keys.len()), Some(kept));
        }
    }
}
