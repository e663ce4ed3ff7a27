//! The header of an ELF file: which processor it is for, and how many bytes it has.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of `Elf64_Ehdr`, whose numbers are in the processor's own order.
const HEADER: usize = 64;

/// `e_machine` of this program; `None` for a processor that is not in this list.
const MACHINE: Option<u16> = if cfg!(target_arch = "x86_64") {
    Some(62)
} else if cfg!(target_arch = "aarch64") {
    Some(183)
} else {
    None
};

/// What the header says.
pub(super) struct Elf {
    /// Whether it is for the processor of this program.
    pub(super) is_for_here: bool,
    /// The end of the ELF file, as linkers write the section table last. Other data may follow.
    pub(super) length: u64,
}

/// Reads the header; `None` where it is not an ELF file.
pub(super) fn read(file: &File) -> io::Result<Option<Elf>> {
    let mut header = [0; HEADER];
    let read = file.read_at(&mut header, 0)?;
    if !header.starts_with(b"\x7fELF") {
        return Ok(None);
    }
    let is_long = header[4] == 2;
    let number = |place: usize| u16::from_ne_bytes([header[place], header[place + 1]]);
    let table = header[40..48].try_into().map_or(0, u64::from_ne_bytes);
    let sections = u64::from(number(58)) * u64::from(number(60));
    let length = if is_long && read == HEADER {
        table.saturating_add(sections)
    } else {
        0
    };
    Ok(Some(Elf {
        is_for_here: is_long == cfg!(target_pointer_width = "64")
            && MACHINE.is_none_or(|machine| machine == number(18)),
        length: length.max(HEADER as u64),
    }))
}
