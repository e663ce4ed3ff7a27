//! Writing the image of this process: what may be in it, and its pages.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::fs::{FallocateFlags, fallocate, fstatfs};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use super::basis::{Basis, Changing, add_file};
use super::branch;
pub use super::format::Head;
use super::format::{Content, EAGER, Opened, PAGE, Region, advice};
use super::maps::{self, Mapping};

/// The most room for a stack, even if the limit is larger: more is seldom free in another process.
const MOST_STACK: u64 = 1 << 30;
/// The gap below a stack that catches an overflow.
const GUARD: u64 = 1 << 20;

/// Everything about this process but its pages.
///
/// # Errors
/// Names what in it cannot be restored.
pub fn head(basis: &Basis, opened: Vec<Opened>, now: u64) -> Result<Head> {
    if !branch::SUPPORTED {
        bail!("images need x86-64 Linux with the GNU C library");
    }
    let mappings = maps::mappings()?;
    let mut head = basis.head(now)?;
    head.opened = opened;
    for (place, mapping) in mappings.iter().enumerate() {
        match mapping.name.as_str() {
            "[vsyscall]" => continue,
            name if name.starts_with("[vvar") || name == "[vdso]" => {
                head.vdso.push((mapping.start, mapping.end - mapping.start));
                continue;
            }
            "[stack]" => {
                head.stack = stack_room(mapping, place.checked_sub(1).map(|p| &mappings[p]));
            }
            _ => {}
        }
        let advice = advice(mapping)?;
        let content = if advice & (advice::WIPE | advice::DROP) == 0 {
            content(&mut head, mapping)?
        } else {
            Content::Nothing
        };
        for (start, length, content, guard) in pieces(mapping, content)? {
            head.regions.push(Region {
                start,
                length,
                protection: mapping.protection,
                content,
                advice: advice | guard,
            });
        }
    }
    basis.refuse_changing(&head)?;
    // SAFETY: reads what the kernel gave this process.
    head.vdso_code = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) };
    (head.entry, head.stack_pointer) = branch::entry();
    head.thread_pointer = branch::thread_pointer();
    place_pages(&mut head);
    Ok(head)
}

/// The parts of a mapping: start, length, content, and `advice::GUARD` for guard pages.
fn pieces(mapping: &Mapping, content: Content) -> Result<Vec<(u64, u64, Content, u64)>> {
    let length = mapping.end - mapping.start;
    if !matches!(content, Content::Image(_)) {
        return Ok(vec![(mapping.start, length, content, 0)]);
    }
    let guards = maps::guards(mapping)?;
    let (mut pieces, mut next) = (Vec::new(), mapping.start);
    let mut add = |start, end, content: &Content, guard| {
        if start < end {
            pieces.push((start, end - start, content.clone(), guard));
        }
    };
    for &(start, length) in &guards {
        add(next, start, &content, 0);
        next = start + length;
        add(start, next, &Content::Nothing, advice::GUARD);
    }
    let used = if guards.is_empty() {
        mapping.start + used(mapping)
    } else {
        mapping.end
    };
    add(next, used, &content, 0);
    add(used, mapping.end, &Content::Nothing, 0);
    Ok(pieces)
}

/// The advice that the kernel was given for a part of memory (madvise(2)). Memory that a child would get empty
/// must not be shared: random generators keep their state there.
fn advice(mapping: &Mapping) -> Result<u64> {
    let mut advice = 0;
    if mapping.key != 0 {
        bail!("while loading, the application sets a memory protection key (pkey_mprotect)");
    }
    for flag in mapping.flags.split(' ') {
        advice |= match flag {
            "wf" => advice::WIPE,
            "dp" => advice::DROP,
            "dc" => advice::KEEP,
            "dd" if !mapping.name.starts_with('[') => advice::HIDE,
            "mg" => advice::MERGE,
            "hg" => advice::HUGE,
            "nh" => advice::SMALL,
            "sr" => advice::ORDER,
            "rr" => advice::RANDOM,
            "gd" if mapping.name != "[stack]" => {
                bail!(
                    "while loading, the application maps memory that grows on demand (MAP_GROWSDOWN)"
                )
            }
            "lo" => bail!(
                "while loading, the application locks memory (mlock), which a restored process may not \
                 be allowed to do"
            ),
            "um" | "uw" | "ui" => {
                bail!("while loading, the application handles its own page faults (userfaultfd)")
            }
            "ht" => bail!("while loading, the application maps huge pages (MAP_HUGETLB)"),
            "sl" => bail!("while loading, the application seals memory (mseal)"),
            _ => 0,
        };
    }
    Ok(advice)
}

fn content(head: &mut Head, mapping: &Mapping) -> Result<Content> {
    let is_file = mapping.name.starts_with('/');
    let writable = mapping.protection & 2 != 0;
    if mapping.shared && writable {
        bail!(
            "while loading, the application maps writable memory that processes share (`{}`)",
            mapping.name
        );
    }
    if mapping.protection & 4 != 0 && (!is_file || mapping.changed) {
        bail!(
            "while loading, the application makes or changes executable memory, as a JIT compiler does: start that \
             when a request needs it"
        );
    }
    if mapping.name.ends_with(" (deleted)") {
        // The parts of a library before its code are mapped first.
        let is_code = mapping.protection & 4 != 0 || mapping.name.contains(".so");
        if is_code && !mapping.shared {
            return Err(Changing::in_use(&mapping.name).into());
        }
        bail!(
            "while loading, the application maps a deleted file, `{}`",
            mapping.name
        );
    }
    Ok(if mapping.protection == 0 && !is_file && !mapping.changed {
        Content::Nothing
    } else if is_file && !writable && !mapping.changed {
        Content::File(add_file(head, mapping.name.as_bytes()), mapping.offset)
    } else {
        Content::Image(0)
    })
}

/// The used length of a region. Empty room at the heap's end is left out of the image, except for some that
/// may be needed before the image is written.
fn used(mapping: &Mapping) -> u64 {
    const KEPT: u64 = 4 << 20;
    let length = mapping.end - mapping.start;
    if mapping.name != "[heap]" {
        return length;
    }
    let mut used = length;
    while used > 0 && is_empty(mapping.start + used - PAGE) {
        used -= PAGE;
    }
    (used + KEPT).min(length)
}

/// The room for the main stack. The kernel grows that of a program, but not the restored one: it gets its room
/// at once, as much of this as the limit of the restored process allows.
fn stack_room(stack: &Mapping, below: Option<&Mapping>) -> (u64, u64) {
    let lowest = below.map_or(0, |below| below.end + GUARD);
    let start = stack.end.saturating_sub(MOST_STACK);
    let start = start.max(lowest).min(stack.start);
    (start, stack.start - start)
}

/// Gives each region its offset in the image, after the head, whose length is final.
fn place_pages(head: &mut Head) {
    let mut offset = head.encode().len() as u64;
    for region in &mut head.regions {
        if let Content::Image(place) = &mut region.content {
            *place = offset;
            offset += region.length;
        }
    }
    head.length = offset;
}

/// A file system in memory (statfs(2)).
const TMPFS: i64 = 0x0102_1994;

/// Writes an image of this process to a file. Allocates nothing, as the head already lists the pages.
pub fn write(encoded: &[u8], head: &Head, to: &File) -> std::io::Result<()> {
    if fstatfs(to)?.f_type == TMPFS {
        // On tmpfs, reading a hole takes memory, and kills the process (SIGBUS) where none is left.
        fallocate(to, FallocateFlags::empty(), 0, head.length)?;
    }
    to.write_all_at(encoded, 0)?;
    let mut end = encoded.len() as u64;
    for region in &head.regions {
        let Content::Image(offset) = region.content else {
            continue;
        };
        end = offset + region.length;
        if region.protection & 1 == 0 {
            write_hidden(region, offset, to)?;
            continue;
        }
        let mut begun = None;
        for page in (0..=region.length).step_by(4096) {
            let at_end = page == region.length;
            // Empty pages are holes.
            let is_empty = at_end || is_empty(region.start + page);
            match (begun, is_empty) {
                (None, false) => begun = Some(page),
                (Some(first), true) => {
                    let bytes = memory(region.start + first, page - first);
                    to.write_all_at(bytes, offset + first)?;
                    begun = None;
                }
                _ => {}
            }
        }
    }
    to.set_len(end)
}

/// Writes pages without read permission: the kernel reads them through /proc/self/mem.
fn write_hidden(region: &Region, offset: u64, to: &File) -> std::io::Result<()> {
    let own = File::open("/proc/self/mem")?;
    let mut page = [0_u8; 4096];
    for at in (0..region.length).step_by(page.len()) {
        own.read_exact_at(&mut page, region.start + at)?;
        if page.iter().any(|&byte| byte != 0) {
            to.write_all_at(&page, offset + at)?;
        }
    }
    Ok(())
}

fn memory<'a>(start: u64, length: u64) -> &'a [u8] {
    let pointer = std::ptr::with_exposed_provenance::<u8>(usize::try_from(start).unwrap_or(0));
    // SAFETY: the kernel has just listed these pages as readable, and nothing unmaps them between.
    unsafe { std::slice::from_raw_parts(pointer, usize::try_from(length).unwrap_or(0)) }
}

fn is_empty(page: u64) -> bool {
    let (_, words, _) = {
        // SAFETY: every pattern of bits is a number.
        unsafe { memory(page, PAGE).align_to::<u64>() }
    };
    words.iter().all(|&word| word == 0)
}

/// How many pages are looked at in one call.
const AT_ONCE: usize = 1024;

/// Room for the parts that are found, and for what is known of each page looked at.
struct Room {
    parts: [(u64, u64); EAGER],
    entries: [u8; AT_ONCE * 8],
}

impl Room {
    /// New memory, apart from the heap and the stack, whose pages are looked at. It is not freed: the process
    /// ends soon.
    fn of_its_own() -> Result<&'static mut Self> {
        // SAFETY: new memory of zeros, which are numbers and bytes, and nobody else's.
        unsafe {
            let (length, both) = (size_of::<Self>(), ProtFlags::READ | ProtFlags::WRITE);
            let start = mmap_anonymous(std::ptr::null_mut(), length, both, MapFlags::PRIVATE)?;
            Ok(&mut *start.cast::<Self>())
        }
    }
}

/// The parts of a restored process's memory that it has written to. Parts are not joined over pages between
/// them: copying a page in vain costs more than a call.
pub fn written_parts(head: &Head) -> Result<&'static [(u64, u64)]> {
    let pagemap = File::open("/proc/self/pagemap").context("/proc/self/pagemap")?;
    let Room { parts, entries } = Room::of_its_own()?;
    let mut count = 0;
    for region in &head.regions {
        if !matches!(region.content, Content::Image(_)) {
            continue;
        }
        let mut pages = region.start / PAGE..(region.start + region.length) / PAGE;
        while !pages.is_empty() {
            let number = usize::try_from(pages.end - pages.start)?.min(AT_ONCE);
            let entries = &mut entries[..number * 8];
            pagemap.read_exact_at(entries, pages.start * 8)?;
            for (entry, page) in entries.chunks_exact(8).zip(pages.by_ref()) {
                let (entry, page) = (u64::from_le_bytes(entry.try_into()?), page * PAGE);
                if !is_written(entry) {
                    continue;
                }
                match parts[..count].last_mut() {
                    Some((start, length)) if *start + *length == page && page != region.start => {
                        *length += PAGE;
                    }
                    _ if count < EAGER => {
                        parts[count] = (page, PAGE);
                        count += 1;
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(&parts[..count])
}

/// Whether a page of a privately mapped file was written to, by its entry in `/proc/self/pagemap`: it is present, and
/// no page of a file any more (Documentation/admin-guide/mm/pagemap.rst).
#[must_use]
pub fn is_written(entry: u64) -> bool {
    entry >> 63 & 1 == 1 && entry >> 61 & 1 == 0
}

/// Creates the file for an image that is being written; only this user can read it.
pub fn create(path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot create `{}`", path.display()))
}
