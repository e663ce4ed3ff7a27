//! What the observer records about each path: how often it was looked at and how, and whether the maker itself
//! wrote to it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::encoding::{Reader, Writer};
use super::super::format::Stamp;
use super::super::inherited::Inherited;
pub use super::calls::Hidden;

/// The ways in which one path was looked at, each counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// Opened for reading.
    pub opened: u64,
    /// Listed.
    pub listed: u64,
    /// Asked about, links followed (`stat`).
    pub asked: u64,
    /// Asked about as it is (`lstat`).
    pub asked_itself: u64,
    /// Read as a link.
    pub read_link: u64,
    /// Tried: whether it exists and is permitted (`access`, `mkdir`, `chdir`).
    pub tried: u64,
    /// As it was when a call first named it.
    pub first: Stamp,
    /// The same for a symbolic link itself.
    pub first_itself: Stamp,
    /// Whether it was looked at before the maker wrote to it, or while it still had older content: a new
    /// process would find it changed.
    pub looked: bool,
    /// As it was after the maker last wrote to it, if it did.
    pub own: Option<Stamp>,
    /// Whether the maker added to older content.
    pub adds: bool,
}

/// All that was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The paths that were looked at or written to, absolute.
    pub paths: BTreeMap<Vec<u8>, Looks>,
    /// Inherited attributes that were read.
    pub inherited: BTreeSet<Inherited>,
    /// What was done that cannot be observed, or read later.
    pub hidden: BTreeSet<Hidden>,
    /// The files whose code drew random bytes.
    pub drew: BTreeSet<Vec<u8>>,
}

/// The same as bytes.
#[must_use]
pub fn encode(seen: &Seen) -> Vec<u8> {
    let mut to = Writer::default();
    let items: Vec<_> = seen.paths.iter().collect();
    to.list(&items, |to, (path, looks)| {
        to.bytes(path);
        for number in [
            looks.opened,
            looks.listed,
            looks.asked,
            looks.asked_itself,
            looks.read_link,
            looks.tried,
        ] {
            to.number(number);
        }
        to.stamp(&looks.first);
        to.stamp(&looks.first_itself);
        to.flag(looks.looked);
        to.flag(looks.adds);
        to.flag(looks.own.is_some());
        to.stamp(&looks.own.unwrap_or_default());
    });
    let inherited: Vec<_> = seen.inherited.iter().map(|what| what.number()).collect();
    to.list(&inherited, Writer::pair);
    let hidden: Vec<_> = seen.hidden.iter().map(|what| *what as u64).collect();
    to.list(&hidden, |to, number| to.number(*number));
    let drew: Vec<_> = seen.drew.iter().collect();
    to.list(&drew, |to, file| to.bytes(file));
    to.into_bytes()
}

/// What was seen, from its bytes; `None` when they are damaged.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Seen> {
    let mut from = Reader::new(bytes);
    let paths = from.list(|from| {
        Some((
            from.bytes()?,
            Looks {
                opened: from.number()?,
                listed: from.number()?,
                asked: from.number()?,
                asked_itself: from.number()?,
                read_link: from.number()?,
                tried: from.number()?,
                first: from.stamp()?,
                first_itself: from.stamp()?,
                looked: from.flag()?,
                adds: from.flag()?,
                own: {
                    let is_own = from.flag()?;
                    let stamp = from.stamp()?;
                    is_own.then_some(stamp)
                },
            },
        ))
    })?;
    let inherited = from.list(|from| Inherited::of(from.pair()?))?;
    let hidden = from.list(|from| Hidden::of(from.number()?))?;
    let drew = from.list(Reader::bytes)?;
    Some(Seen {
        paths: paths.into_iter().collect(),
        inherited: inherited.into_iter().collect(),
        hidden: hidden.into_iter().collect(),
        drew: drew.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_back_as_it_was() {
        let looks = Looks {
            opened: 1,
            tried: 7,
            own: Some(Stamp::default()),
            ..Looks::default()
        };
        let seen = Seen {
            paths: [(b"/a".to_vec(), looks), (b"/b".to_vec(), Looks::default())].into(),
            inherited: [Inherited::Umask, Inherited::Limit(7)].into(),
            hidden: [Hidden::Landlock].into(),
            drew: [b"/lib/a.so".to_vec()].into(),
        };
        let bytes = encode(&seen);
        assert_eq!(decode(&bytes), Some(seen));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
    }
}
