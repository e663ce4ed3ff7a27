//! What an image file holds: a head, and pages. Who writes images and who
//! maps them know it from here; how a head becomes bytes is in `encoding`.

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
    /// What the kernel is told to do with it: bits of [`advice`].
    pub advice: u64,
}

/// What the kernel can be told to do with a region (madvise(2), mmap(2)).
pub mod advice {
    /// A child gets it empty (`MADV_WIPEONFORK`).
    pub const WIPE: u64 = 1;
    /// It may come back empty at any time (`MAP_DROPPABLE`).
    pub const DROP: u64 = 2;
    /// A child does not get it (`MADV_DONTFORK`).
    pub const KEEP: u64 = 4;
    /// It is in no core file (`MADV_DONTDUMP`).
    pub const HIDE: u64 = 8;
    /// Pages that are equal may be merged (`MADV_MERGEABLE`).
    pub const MERGE: u64 = 16;
    /// Huge pages are wanted (`MADV_HUGEPAGE`), or are not.
    pub const HUGE: u64 = 32;
    /// See [`HUGE`].
    pub const SMALL: u64 = 64;
    /// It is read in order (`MADV_SEQUENTIAL`), or at random.
    pub const ORDER: u64 = 128;
    /// See [`ORDER`].
    pub const RANDOM: u64 = 256;
    /// Whoever touches it is ended, as at a stack's end (`MADV_GUARD_INSTALL`).
    pub const GUARD: u64 = 512;
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

/// What counts of a path that was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// All that `stat` tells, and so any change of its content.
    Whole = 0,
    /// The same of a link itself.
    Link = 1,
    /// Whether it is there and the same, of which kind, whose, and who may use it.
    Kind = 2,
    /// The same of a link itself.
    LinkKind = 3,
}

impl How {
    /// The one of that number.
    #[must_use]
    pub fn of(number: u64) -> Option<Self> {
        [Self::Whole, Self::Link, Self::Kind, Self::LinkKind]
            .into_iter()
            .find(|how| *how as u64 == number)
    }
}

/// A path that was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Absolute.
    pub path: Vec<u8>,
    /// What of it counts.
    pub how: How,
    /// As it was, all zeros where it was not there.
    pub stamp: Stamp,
}

/// A folder that was listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Its absolute path.
    pub path: Vec<u8>,
    /// As it was; all zeros where it was not there, or was just being changed.
    pub stamp: Stamp,
    /// Whether every name in it counts, or those that can be imported.
    pub whole: bool,
    /// A sum of these names.
    pub names: u64,
}

/// A file that is open in the image, and is opened again in each process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The descriptor.
    pub number: u64,
    /// The file's absolute path.
    pub path: Vec<u8>,
    /// As `open` has them.
    pub flags: u64,
    /// Whether a program that is executed does not get it.
    pub close_on_exec: bool,
    /// Where it is read next.
    pub position: u64,
    /// The file system's number.
    pub device: u64,
    /// The file's number on it.
    pub inode: u64,
    /// When it was made, for a database, which is written to here and by others, and whose number another file may
    /// have by now; else 0.
    pub born: u64,
    /// When such a one was last written to, ...
    pub written: u64,
    /// ... and a sum of what each transaction changes in its head.
    pub state: u64,
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
    /// For so many seconds it is used.
    pub max_age: u64,
    /// So many processes are restored from it.
    pub max_restores: u64,
    /// Why there are no pages, where there are none.
    pub refusal: Vec<u8>,
    /// What was asked while loading that cannot be watched.
    pub asked: Vec<Vec<u8>>,
    /// The number of the process that made it.
    pub maker: u64,
    /// Variables of the environment, and what stands for their values: see `freshness`.
    pub variables: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// A sum of the names of all variables that are no request's, where loading went through them;
    /// else 0.
    pub names: u64,
    /// What loading asked for that a process inherits, and what it was: see `inherited`.
    pub inherited: Vec<((u64, u64), Vec<u8>)>,
    /// Files that were read or mapped.
    pub files: Vec<(Vec<u8>, Stamp)>,
    /// Paths that were asked about.
    pub looks: Vec<Look>,
    /// Folders that were listed.
    pub folders: Vec<Folder>,
    /// Files that are open.
    pub opened: Vec<Opened>,
    /// The address space, but for the kernel's own parts.
    pub regions: Vec<Region>,
    /// The kernel's own parts, which move: start and length.
    pub vdso: Vec<(u64, u64)>,
    /// Where the kernel says that its code begins (`AT_SYSINFO_EHDR`).
    pub vdso_code: u64,
    /// Room that the main stack may grow into: start and length.
    pub stack: (u64, u64),
    /// The address to go on at.
    pub entry: u64,
    /// The address of what the code there takes its stack from.
    pub stack_pointer: u64,
    /// The address of the C library's block for the thread.
    pub thread_pointer: u64,
    /// How long the file is.
    pub length: u64,
    /// When the file was last written to, as [`Stamp::modified`] has it; 0 while it is being made.
    pub sealed: u64,
    /// Parts that a request is sure to write to: start and length. At most [`EAGER`].
    pub eager: Vec<(u64, u64)>,
    /// Modules that drew random bytes while loading.
    pub drawn: Vec<Vec<u8>>,
    /// Why it was made without the warm-up that was asked for; empty where it was not so.
    pub unwarmed: Vec<u8>,
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
