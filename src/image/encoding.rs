//! The head of an image as bytes: a list of byte strings and 64-bit numbers in a fixed order, with a
//! sum over them; the pages follow at multiples of their size.

use super::format::{Content, EAGER, Folder, Head, How, Look, Opened, Region, Stamp, sum};

/// The first bytes of an image; another layout gets another number.
const MAGIC: u64 = 0x3530_7061_6e73_6377;

impl Head {
    /// The head as bytes, padded to whole pages.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.bytes(&self.identity);
        to.bytes(&self.machine);
        for number in [self.made, self.max_age, self.max_restores] {
            to.number(number);
        }
        to.bytes(&self.refusal);
        to.list(&self.asked, |to, line| to.bytes(line));
        to.number(self.maker);
        to.list(&self.variables, |to, (name, value)| {
            to.bytes(name);
            to.flag(value.is_some());
            to.bytes(value.as_deref().unwrap_or_default());
        });
        to.number(self.names);
        to.list(&self.inherited, |to, (number, value)| {
            to.pair(number);
            to.bytes(value);
        });
        to.list(&self.files, |to, (path, stamp)| {
            to.bytes(path);
            to.stamp(stamp);
        });
        to.list(&self.looks, |to, look| {
            to.bytes(&look.path);
            to.number(look.how as u64);
            to.stamp(&look.stamp);
        });
        to.list(&self.folders, |to, folder| {
            to.bytes(&folder.path);
            to.stamp(&folder.stamp);
            to.flag(folder.whole);
            to.number(folder.names);
        });
        to.list(&self.opened, |to, file| {
            to.bytes(&file.path);
            to.flag(file.close_on_exec);
            for number in [
                file.number,
                file.flags,
                file.position,
                file.device,
                file.inode,
                file.born,
                file.written,
                file.state,
            ] {
                to.number(number);
            }
        });
        to.list(&self.regions, |to, region| {
            let (kind, one, other) = match region.content {
                Content::Nothing => (0, 0, 0),
                Content::Image(offset) => (1, offset, 0),
                Content::File(file, offset) => (2, file, offset),
            };
            for number in [
                region.start,
                region.length,
                region.protection,
                region.advice,
                kind,
                one,
                other,
            ] {
                to.number(number);
            }
        });
        to.list(&self.vdso, Writer::pair);
        for number in [
            self.vdso_code,
            self.stack.0,
            self.stack.1,
            self.entry,
            self.stack_pointer,
            self.thread_pointer,
            self.length,
            self.sealed,
        ] {
            to.number(number);
        }
        to.list(&self.eager, Writer::pair);
        to.list(&self.drawn, |to, line| to.bytes(line));
        to.bytes(&self.unwarmed);
        let room = EAGER.saturating_sub(self.eager.len()) * 16;
        to.0.resize(to.0.len() + room, 0);
        let mut head = Vec::with_capacity(to.0.len() + 24);
        for number in [MAGIC, to.0.len() as u64, sum(&to.0)] {
            head.extend_from_slice(&number.to_le_bytes());
        }
        head.extend_from_slice(&to.0);
        head.resize(head.len().next_multiple_of(4096), 0);
        head
    }

    /// How long the head is, from the first 24 bytes of an image.
    #[must_use]
    pub fn length(start: &[u8]) -> Option<usize> {
        let mut from = Reader(start);
        let magic = from.number()?;
        let length = usize::try_from(from.number()?).ok()?;
        (magic == MAGIC && length < 64 << 20).then_some(length + 24)
    }

    /// The head from its bytes; `None` when they are damaged.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let body = bytes.get(24..Self::length(bytes)?)?;
        if sum(body).to_le_bytes() != bytes[16..24] {
            return None;
        }
        let mut from = Reader(body);
        Some(Self {
            identity: from.bytes()?,
            machine: from.bytes()?,
            made: from.number()?,
            max_age: from.number()?,
            max_restores: from.number()?,
            refusal: from.bytes()?,
            asked: from.list(Reader::bytes)?,
            maker: from.number()?,
            variables: from.list(|from| {
                let (name, is_set, value) = (from.bytes()?, from.flag()?, from.bytes()?);
                Some((name, is_set.then_some(value)))
            })?,
            names: from.number()?,
            inherited: from.list(|from| Some((from.pair()?, from.bytes()?)))?,
            files: from.list(|from| Some((from.bytes()?, from.stamp()?)))?,
            looks: from.list(|from| {
                Some(Look {
                    path: from.bytes()?,
                    how: How::of(from.number()?)?,
                    stamp: from.stamp()?,
                })
            })?,
            folders: from.list(|from| {
                Some(Folder {
                    path: from.bytes()?,
                    stamp: from.stamp()?,
                    whole: from.flag()?,
                    names: from.number()?,
                })
            })?,
            opened: from.list(|from| {
                Some(Opened {
                    path: from.bytes()?,
                    close_on_exec: from.flag()?,
                    number: from.number()?,
                    flags: from.number()?,
                    position: from.number()?,
                    device: from.number()?,
                    inode: from.number()?,
                    born: from.number()?,
                    written: from.number()?,
                    state: from.number()?,
                })
            })?,
            regions: from.list(|from| {
                Some(Region {
                    start: from.number()?,
                    length: from.number()?,
                    protection: from.number()?,
                    advice: from.number()?,
                    content: match (from.number()?, from.number()?, from.number()?) {
                        (0, ..) => Content::Nothing,
                        (1, offset, _) => Content::Image(offset),
                        (2, file, offset) => Content::File(file, offset),
                        _ => return None,
                    },
                })
            })?,
            vdso: from.list(Reader::pair)?,
            vdso_code: from.number()?,
            stack: from.pair()?,
            entry: from.number()?,
            stack_pointer: from.number()?,
            thread_pointer: from.number()?,
            length: from.number()?,
            sealed: from.number()?,
            eager: from.list(Reader::pair)?,
            drawn: from.list(Reader::bytes)?,
            unwarmed: from.bytes()?,
        })
    }
}

#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.number(u64::from(flag));
    }

    pub(super) fn pair(&mut self, pair: &(u64, u64)) {
        self.number(pair.0);
        self.number(pair.1);
    }

    pub(super) fn stamp(&mut self, stamp: &Stamp) {
        for number in [
            stamp.device,
            stamp.inode,
            stamp.size,
            stamp.modified,
            stamp.changed,
        ] {
            self.number(number);
        }
    }

    pub(super) fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.number(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }
}

pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    pub(super) fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes.to_vec())
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        Some(self.number()? == 1)
    }

    pub(super) fn pair(&mut self) -> Option<(u64, u64)> {
        Some((self.number()?, self.number()?))
    }

    pub(super) fn stamp(&mut self) -> Option<Stamp> {
        Some(Stamp {
            device: self.number()?,
            inode: self.number()?,
            size: self.number()?,
            modified: self.number()?,
            changed: self.number()?,
        })
    }

    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.number()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(read(self)?);
        }
        Some(items)
    }
}
