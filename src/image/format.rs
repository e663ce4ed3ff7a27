//! What an image file holds, a head and pages, for the code that writes images and the code that maps
//! them. How a head becomes bytes is in `encoding`.

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// How many parts have room in a head, whose length is fixed before they are known.
pub const EAGER: usize = 2048;

/// A file's state: any change to the file changes one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// `st_dev`
    pub device: u64,
    /// `st_ino`
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When its content was last changed (`st_mtime`, which programs can set).
    pub modified: u64,
    /// When anything about it was last changed (`st_ctime`, which programs cannot set).
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
    /// A guard page: an access is a segmentation fault (`MADV_GUARD_INSTALL`).
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
    /// The file with that index in [`Head::files`], from this offset on.
    File(u64, u64),
}

/// Which changes count for a path that was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Any change that `stat` shows, so any change of its content.
    Whole = 0,
    /// The same for a symbolic link itself.
    Link = 1,
    /// Whether it exists and is the same file, of the same type, owner and mode.
    Kind = 2,
    /// The same for a symbolic link itself.
    LinkKind = 3,
}

impl How {
    /// The one with that number.
    #[must_use]
    pub fn of(number: u64) -> Option<Self> {
        [Self::Whole, Self::Link, Self::Kind, Self::LinkKind]
            .into_iter()
            .find(|how| *how as u64 == number)
    }
}

/// A path that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Absolute.
    pub path: Vec<u8>,
    /// Which changes count.
    pub how: How,
    /// As it was; all zeros where it did not exist.
    pub stamp: Stamp,
}

/// A folder that was listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Its absolute path.
    pub path: Vec<u8>,
    /// As it was; all zeros where it did not exist, or was just being changed.
    pub stamp: Stamp,
    /// Whether every name in it counts, or only those that can be imported.
    pub whole: bool,
    /// A hash of these names.
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
    /// Whether it has the flag `FD_CLOEXEC`.
    pub close_on_exec: bool,
    /// The file position.
    pub position: u64,
    /// `st_dev`
    pub device: u64,
    /// `st_ino`
    pub inode: u64,
    /// For a database: when it was created, as a new file may get the inode of a deleted one. Else 0.
    pub born: u64,
    /// For a database: when it was last written to.
    pub written: u64,
    /// For a database: a hash of the header fields that each transaction changes.
    pub state: u64,
}

/// Everything but the pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Which application, and how it is started (`place::identity`).
    pub identity: Vec<u8>,
    /// The machine and the user: boot, kernel, processor, user and groups.
    pub machine: Vec<u8>,
    /// When it was made, in seconds since 1970.
    pub made: u64,
    /// For how many seconds it is used.
    pub max_age: u64,
    /// How many processes are restored from it at most.
    pub max_restores: u64,
    /// Why there is no image: then this head has no pages.
    pub refusal: Vec<u8>,
    /// What loading asked for that cannot be watched (the time, for example).
    pub asked: Vec<Vec<u8>>,
    /// The PID of the process that made it.
    pub maker: u64,
    /// Environment variables, and hashes of their values: see `freshness`.
    pub variables: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// A hash of the names of all variables that do not belong to a request, where loading listed them;
    /// else 0.
    pub names: u64,
    /// Inherited attributes that loading read, and their values: see `inherited`.
    pub inherited: Vec<((u64, u64), Vec<u8>)>,
    /// Files that were read or mapped.
    pub files: Vec<(Vec<u8>, Stamp)>,
    /// Paths that were looked up.
    pub looks: Vec<Look>,
    /// Folders that were listed.
    pub folders: Vec<Folder>,
    /// Files that are open.
    pub opened: Vec<Opened>,
    /// The address space, except for the vDSO.
    pub regions: Vec<Region>,
    /// The parts of the vDSO, which the kernel maps at other addresses in each process: start and length.
    pub vdso: Vec<(u64, u64)>,
    /// The address of the vDSO's code (`AT_SYSINFO_EHDR`).
    pub vdso_code: u64,
    /// Room that the main stack may grow into: start and length.
    pub stack: (u64, u64),
    /// The address to jump to.
    pub entry: u64,
    /// The address of the saved stack pointer.
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
    /// Why it was made without the warm-up that was asked for; else empty.
    pub unwarmed: Vec<u8>,
}

/// FNV-1a over words, against accidental damage: who can write here does not need to forge a hash.
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
