//! What an image file holds, and how it is laid out: a head, checked by a sum, and pages. Both the
//! program that writes images and the launcher that maps them are built with this file.
//!
//! The head is a list of byte strings and 64-bit numbers in a fixed order; the pages follow at
//! multiples of their size.

/// The first bytes of an image; another layout gets another number.
const MAGIC: u64 = 0x3130_7061_6e73_6377;

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// So many parts have room in a head, whose length is fixed before they are known.
pub const EAGER: usize = 2048;

/// A file as it was; any change of it moves one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The file system's number.
    pub device: u64,
    /// The file's number on it.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When its content was last changed, as programs say.
    pub modified: u64,
    /// When anything of it was last changed, which no program can set.
    pub changed: u64,
}

/// A part of the address space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Region {
    /// Its first address.
    pub start: u64,
    /// Its length in bytes.
    pub length: u64,
    /// As `mmap` has it.
    pub protection: u64,
    /// Where its bytes come from.
    pub content: Content,
}

/// Where the bytes of a region come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Nowhere: it is empty.
    #[default]
    Nothing,
    /// The image, from this offset on.
    Image(u64),
    /// The file of that number in [`Head::files`], from this offset on.
    File(u64, u64),
}

/// A folder that modules were looked for in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Its absolute path.
    pub path: Vec<u8>,
    /// When its list of names last changed.
    pub modified: u64,
    /// A sum of the names that can be imported.
    pub names: u64,
}

/// Everything but the pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Which application this is of, started how.
    pub identity: Vec<u8>,
    /// The machine since it was started: boot, kernel, processor, user.
    pub machine: Vec<u8>,
    /// When it was made, in seconds since 1970.
    pub made: u64,
    /// Variables of the environment, and what they were.
    pub variables: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Files that were read or mapped.
    pub files: Vec<(Vec<u8>, Stamp)>,
    /// Folders that were listed.
    pub folders: Vec<Folder>,
    /// The address space, but for the kernel's own parts.
    pub regions: Vec<Region>,
    /// The kernel's own parts, which move: start and length.
    pub vdso: Vec<(u64, u64)>,
    /// Room that the main stack may grow into: start and length.
    pub stack: (u64, u64),
    /// Parts that a request is sure to write to: start and length. At most [`EAGER`].
    pub eager: Vec<(u64, u64)>,
    /// The address to go on at.
    pub entry: u64,
    /// The address of what the code there takes its stack from.
    pub stack_pointer: u64,
    /// The address of the C library's block for the thread.
    pub thread_pointer: u64,
}

impl Head {
    /// The head as bytes, padded to whole pages.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.bytes(&self.identity);
        to.bytes(&self.machine);
        to.number(self.made);
        to.list(&self.variables, |to, (name, value)| {
            to.bytes(name);
            to.number(u64::from(value.is_some()));
            to.bytes(value.as_deref().unwrap_or_default());
        });
        to.list(&self.files, |to, (path, stamp)| {
            to.bytes(path);
            for number in [
                stamp.device,
                stamp.inode,
                stamp.size,
                stamp.modified,
                stamp.changed,
            ] {
                to.number(number);
            }
        });
        to.list(&self.folders, |to, folder| {
            to.bytes(&folder.path);
            to.number(folder.modified);
            to.number(folder.names);
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
                kind,
                one,
                other,
            ] {
                to.number(number);
            }
        });
        to.list(&self.vdso, |to, (start, length)| {
            to.number(*start);
            to.number(*length);
        });
        for number in [
            self.stack.0,
            self.stack.1,
            self.entry,
            self.stack_pointer,
            self.thread_pointer,
        ] {
            to.number(number);
        }
        to.list(&self.eager, |to, (start, length)| {
            to.number(*start);
            to.number(*length);
        });
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

    /// The head from its bytes; none when they are not just what was written.
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
            variables: from.list(|from| {
                let (name, is_set, value) = (from.bytes()?, from.number()?, from.bytes()?);
                Some((name, (is_set == 1).then_some(value)))
            })?,
            files: from.list(|from| {
                let path = from.bytes()?;
                let stamp = Stamp {
                    device: from.number()?,
                    inode: from.number()?,
                    size: from.number()?,
                    modified: from.number()?,
                    changed: from.number()?,
                };
                Some((path, stamp))
            })?,
            folders: from.list(|from| {
                Some(Folder {
                    path: from.bytes()?,
                    modified: from.number()?,
                    names: from.number()?,
                })
            })?,
            regions: from.list(|from| {
                Some(Region {
                    start: from.number()?,
                    length: from.number()?,
                    protection: from.number()?,
                    content: match (from.number()?, from.number()?, from.number()?) {
                        (0, ..) => Content::Nothing,
                        (1, offset, _) => Content::Image(offset),
                        (2, file, offset) => Content::File(file, offset),
                        _ => return None,
                    },
                })
            })?,
            vdso: from.list(|from| Some((from.number()?, from.number()?)))?,
            stack: (from.number()?, from.number()?),
            entry: from.number()?,
            stack_pointer: from.number()?,
            thread_pointer: from.number()?,
            eager: from.list(|from| Some((from.number()?, from.number()?)))?,
        })
    }
}

/// FNV-1a over words: it finds what breaks by accident; who can write here needs no forgery.
#[must_use]
pub fn sum(bytes: &[u8]) -> u64 {
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        sum = (sum ^ u64::from_le_bytes(word.try_into().expect("eight bytes")))
            .wrapping_mul(0x0100_0000_01b3)
            .rotate_left(29);
    }
    for &byte in words.remainder() {
        sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    sum ^ sum >> 32
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.number(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes.to_vec())
    }

    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(read(self)?);
        }
        Some(items)
    }
}
