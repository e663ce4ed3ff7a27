//! The address space of this process, as the kernel lists it.

use std::fs;

use anyhow::{Context, Result};

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
    /// Whether some of its pages are no longer the file's, or have been written to at all.
    pub(super) changed: bool,
    /// What the kernel was told to do with it: two letters each (proc(5), `VmFlags`).
    pub(super) flags: String,
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
        }
    }
    Ok(mappings)
}

/// Where the parts of the address space are; equal for two moments without a change between them.
pub fn layout() -> Result<Vec<(u64, u64)>> {
    Ok(mappings()?.iter().map(|m| (m.start, m.end)).collect())
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
