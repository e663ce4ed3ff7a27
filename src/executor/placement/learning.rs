//! Memory for a process that learns which blocks a request writes to. The kernel knows it for each page, so each
//! block has pages of its own; that costs no memory, as one file in memory is mapped once for each place in a page,
//! and a block is used through the mapping of its place.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::ptr::{null_mut, with_exposed_provenance_mut};

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous};

use super::free_blocks::{FreeBlocks, PAGE, STEP, steps};
use image::attempt::Ended;

/// Blocks that begin in the same place are not told apart: smaller places take more time and page tables, and gain
/// little.
const PLACE: usize = 256;
const PLACES: usize = PAGE / PLACE;
/// The room in each mapping.
const ROOM: usize = 512 << 20;

pub(super) struct Learning {
    file: OwnedFd,
    /// Device and inode of the file.
    id: (u64, u64),
    /// The address of the first mapping; the others follow.
    start: usize,
    used: usize,
    /// For each step: the key of the block that begins there, and in the lowest byte its length in steps.
    keys: *mut u64,
    free: FreeBlocks,
    /// Whether other processes would see what is written.
    is_shared: bool,
    /// Whether a fork came before `watch`, so that it can no longer be told what is written to after it.
    is_spoiled: bool,
}

impl Learning {
    /// `None` where this process may not have as many addresses.
    pub(super) fn new() -> Option<Self> {
        let file = memfd_create(c"wsgi-cgi", MemfdFlags::CLOEXEC).ok()?;
        ftruncate(&file, ROOM as u64).ok()?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: new memory at free addresses; zeros are numbers.
        let (start, keys) = unsafe {
            let start =
                mmap_anonymous(null_mut(), ROOM * PLACES, ProtFlags::empty(), flags).ok()?;
            let both = ProtFlags::READ | ProtFlags::WRITE;
            let keys = mmap_anonymous(null_mut(), ROOM / STEP * 8, both, flags).ok()?;
            (start.expose_provenance(), keys.cast())
        };
        let learning = Self {
            id: id(&file).ok()?,
            file,
            start,
            used: 0,
            keys,
            free: FreeBlocks::none(),
            is_shared: true,
            is_spoiled: false,
        };
        learning.map(MapFlags::SHARED).ok()?;
        Some(learning)
    }

    fn map(&self, kind: MapFlags) -> rustix::io::Result<()> {
        let is_shared = kind.contains(MapFlags::SHARED);
        // The application may have closed the descriptor, and opened something else.
        if id(&self.file)? != self.id {
            return Err(rustix::io::Errno::BADF);
        }
        for place in 0..PLACES {
            let at = with_exposed_provenance_mut(self.start + place * ROOM);
            let both = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: a part of what was reserved; the content stays.
            unsafe {
                let kind = kind | MapFlags::FIXED | MapFlags::NORESERVE;
                mmap(at, ROOM, both, kind, &self.file, 0)?;
                if is_shared {
                    // A process that `fork` makes past `before_fork` must not write here.
                    madvise(at, ROOM, Advice::LinuxDontFork)?;
                }
            }
        }
        Ok(())
    }

    /// The file, which has to stay open.
    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    pub(super) fn has(&self, block: usize) -> bool {
        block.wrapping_sub(self.start) < ROOM * PLACES
    }

    /// The number of the step that a block begins at.
    fn step(&self, block: usize) -> usize {
        (block - self.start) % ROOM / STEP
    }

    pub(super) fn steps(&self, block: usize) -> usize {
        // SAFETY: a block of this memory, for which there is a key.
        let key = unsafe { *self.keys.add(self.step(block)) };
        usize::from(key.to_le_bytes()[0])
    }

    pub(super) fn take(&mut self, size: usize, key: u64) -> Option<usize> {
        // Then each place would take a page.
        if self.is_spoiled {
            return None;
        }
        let steps = steps(size);
        let block = self.free.take(steps).or_else(|| self.new_block(steps))?;
        // SAFETY: as above.
        unsafe { *self.keys.add(self.step(block)) = key << 8 | steps as u64 };
        Some(block)
    }

    fn new_block(&mut self, steps: usize) -> Option<usize> {
        let rest = PAGE - self.used % PAGE;
        // A block in two pages would be in the next page's pages too.
        let begin = self.used + if steps * STEP > rest { rest } else { 0 };
        let end = begin + steps * STEP;
        if end > ROOM {
            return None;
        }
        self.used = end;
        Some(self.start + begin % PAGE / PLACE * ROOM + begin)
    }

    /// # Safety
    /// A block of this memory, which nobody uses any more.
    pub(super) unsafe fn give_back(&mut self, block: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.free.add(self.steps(block), block) };
    }

    /// A fork begins: two processes must not write to the same memory.
    pub(super) fn before_fork(&mut self) {
        if self.is_shared {
            self.is_shared = false;
            self.is_spoiled = true;
            if self.map(MapFlags::PRIVATE).is_err() {
                // Some of it is mapped.
                // SAFETY: ends the process.
                unsafe { libc::_exit(Ended::Refused.code()) }
            }
        }
    }

    /// From now on the kernel sees which blocks are written to. False where that is not possible.
    pub(super) fn watch(&mut self) -> bool {
        self.is_shared = false;
        !self.is_spoiled && self.map(MapFlags::PRIVATE).is_ok()
    }

    /// The keys of the blocks that were written to since, each with the block's length as above.
    pub(super) fn written(&self) -> io::Result<Vec<u64>> {
        let pagemap = File::open("/proc/self/pagemap")?;
        let mut entries = vec![0; self.used.div_ceil(PAGE) * 8];
        let mut found = Vec::new();
        for place in 0..PLACES {
            let first = (self.start + place * ROOM) / PAGE;
            pagemap.read_exact_at(&mut entries, first as u64 * 8)?;
            for (page, entry) in entries.as_chunks().0.iter().enumerate() {
                if !image::capture::is_written(u64::from_le_bytes(*entry)) {
                    continue;
                }
                let begin = (page * PAGE + place * PLACE) / STEP;
                // SAFETY: these steps are in the page, so there is a number for each.
                let keys =
                    (begin..begin + PLACE / STEP).map(|step| unsafe { *self.keys.add(step) });
                found.extend(keys.filter(|key| key >> 8 != 0));
            }
        }
        Ok(found)
    }
}

/// Device and inode.
fn id(file: &OwnedFd) -> rustix::io::Result<(u64, u64)> {
    let about = rustix::fs::fstat(file)?;
    Ok((about.st_dev, about.st_ino))
}
