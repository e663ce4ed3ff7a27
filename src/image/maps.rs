//! The address space of this process, as the kernel lists it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::ptr;

use anyhow::{Context, Result};

use super::format::PAGE;

/// A line of `/proc/self/smaps`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) end: u64,
    /// As `mmap` has it.
    pub(super) protection: u64,
    pub(super) shared: bool,
    pub(super) offset: u64,
    /// A file's path, a name in brackets, or empty.
    pub(super) name: String,
    /// Whether some of its pages have been written to.
    pub(super) changed: bool,
    /// Its flags, two letters each (proc(5), `VmFlags`).
    pub(super) flags: String,
    /// Its protection key.
    pub(super) key: u64,
}

/// All mappings, in order.
pub(super) fn mappings() -> Result<Vec<Mapping>> {
    let text = fs::read_to_string("/proc/self/smaps").context("/proc/self/smaps")?;
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in text.lines() {
        if let Some(mapping) = parse(line) {
            mappings.push(mapping);
        } else if let Some(last) = mappings.last_mut() {
            let amount = line
                .strip_prefix("Anonymous:")
                .or_else(|| line.strip_prefix("Swap:"));
            if amount.is_some_and(|amount| amount.trim() != "0 kB") {
                last.changed = true;
            }
            if let Some(flags) = line.strip_prefix("VmFlags:") {
                flags.trim().clone_into(&mut last.flags);
            }
            if let Some(key) = line.strip_prefix("ProtectionKey:") {
                last.key = key.trim().parse().unwrap_or(0);
            }
        }
    }
    Ok(mappings)
}

/// Start and end of each mapping: compared to see whether the address space has changed.
pub fn layout() -> Result<Vec<(u64, u64)>> {
    Ok(mappings()?.iter().map(|m| (m.start, m.end)).collect())
}

/// `MADV_GUARD_INSTALL` (asm-generic/mman-common.h, Linux 6.13)
const GUARD_INSTALL: i32 = 102;

/// The guard pages of a mapping, which newer C libraries put at the ends of threads' stacks: start and length.
pub(super) fn guards(mapping: &Mapping) -> Result<Vec<(u64, u64)>> {
    // Documentation/admin-guide/mm/pagemap.rst
    const IS_GUARD: u64 = 1 << 58;
    let pagemap = File::open("/proc/self/pagemap").context("/proc/self/pagemap")?;
    let mut entries = vec![0; usize::try_from((mapping.end - mapping.start) / PAGE * 8)?];
    pagemap.read_exact_at(&mut entries, mapping.start / PAGE * 8)?;
    let mut guards: Vec<(u64, u64)> = Vec::new();
    for (entry, page) in entries.chunks_exact(8).zip((mapping.start..).step_by(4096)) {
        if u64::from_le_bytes(entry.try_into()?) & IS_GUARD == 0 {
            continue;
        }
        match guards.last_mut() {
            Some((start, length)) if *start + *length == page => *length += PAGE,
            _ => guards.push((page, PAGE)),
        }
    }
    Ok(guards)
}

/// Whether the kernel reports guard pages: not all kernels that have them do.
#[must_use]
pub fn shows_guards() -> bool {
    const SIZE: usize = 4096;
    // SAFETY: memory at whatever address is free, which nobody touches and which is given back.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let page = libc::mmap(ptr::null_mut(), SIZE, 3, flags, -1, 0);
        if page == libc::MAP_FAILED {
            return false;
        }
        let start = page.addr() as u64;
        let mapping = Mapping {
            start,
            end: start + PAGE,
            ..Mapping::default()
        };
        let is_shown = libc::madvise(page, SIZE, GUARD_INSTALL) == 0
            && guards(&mapping).is_ok_and(|guards| !guards.is_empty());
        libc::munmap(page, SIZE);
        is_shown
    }
}

/// `start-end rwxp offset device inode name`
fn parse(line: &str) -> Option<Mapping> {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = after;
        word
    };
    let (start, end) = word().split_once('-')?;
    let hexadecimal = |text: &str| u64::from_str_radix(text, 16).ok();
    let (start, end) = (hexadecimal(start)?, hexadecimal(end)?);
    let flags = word();
    let offset = hexadecimal(word())?;
    let (_device, _inode) = (word(), word());
    let protection = flags.bytes().zip([(b'r', 1), (b'w', 2), (b'x', 4)]);
    Some(Mapping {
        start,
        end,
        protection: protection
            .filter(|(flag, (letter, _))| flag == letter)
            .map(|(_, (_, bit))| bit)
            .sum(),
        shared: flags.ends_with('s'),
        offset,
        name: rest.trim_start().to_owned(),
        changed: false,
        flags: String::new(),
        key: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_understood() {
        let line = "7f00-7f10 r-xp 00001000 fe:00 12   /usr/lib/a file.so";
        let expected = Mapping {
            start: 0x7f00,
            end: 0x7f10,
            protection: 5,
            offset: 0x1000,
            name: "/usr/lib/a file.so".into(),
            ..Mapping::default()
        };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse("Rss:                   4 kB"), None);
    }

    #[test]
    fn this_process_has_a_stack() {
        let mappings = mappings().expect("a list");
        assert!(mappings.iter().any(|mapping| mapping.name == "[stack]"));
    }
}
