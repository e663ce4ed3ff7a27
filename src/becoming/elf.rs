//! The header of an ELF file, a program or the executor: which processor it is for, how many bytes it has, and so
//! whether it can be used here.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use settings::permissions::is_noexec;

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

/// Why a file cannot be run or loaded here.
pub(crate) enum Defect {
    OtherProcessor,
    /// The bytes that it has, and those of the whole file.
    Incomplete(u64, u64),
    NotElf,
    Noexec,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherProcessor => f.write_str("is for another processor"),
            Self::Incomplete(has, whole) => write!(f, "is incomplete ({has} of {whole} bytes)"),
            Self::NotElf => f.write_str("is not an ELF file"),
            Self::Noexec => f.write_str("is on a file system that is mounted `noexec`"),
        }
    }
}

/// What is wrong with that file, if anything is.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn defect(path: &Path) -> io::Result<Option<Defect>> {
    let file = File::open(path)?;
    let has = file.metadata()?.len();
    Ok(match read(&file)? {
        None => Some(Defect::NotElf),
        Some(elf) if !elf.is_for_here => Some(Defect::OtherProcessor),
        Some(elf) if has < elf.length => Some(Defect::Incomplete(has, elf.length)),
        Some(_) => is_noexec(path).then_some(Defect::Noexec),
    })
}
