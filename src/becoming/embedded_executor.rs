//! The executor inside the program: `scripts/wheel.d/single.py` makes a single file that has the executor after
//! the program's own bytes. Python can load it only from a file of its own: the first request unpacks it to the
//! user's folder for images, later ones find it there.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use rustix::process::{Resource, getrlimit};

use super::elf;
use crate::restoring::attempt;
use image::cache_folder;
use image::format::sum;
use image::place;
use process::times;
use settings::permissions::is_noexec;

/// What follows the program's own bytes: this, the executor's length and its hash, then the executor.
const MAGIC: &[u8; 16] = b"wsgi-cgi carries";
const HEAD: usize = 32;

/// The name of an unpacked executor begins and ends so.
const BEGINNING: &str = "executor-";
const ENDING: &str = ".abi3.so";

/// An unpacked executor of another version is removed after this time. A second program of this user that still
/// needs it unpacks it again.
const LEFT: Duration = Duration::from_secs(3600);

/// The remedy where the executor cannot be unpacked.
const REMEDY: &str = "name another folder with --cache-dir or WSGI_CGI_CACHE_DIR, or install from the \
                      archive that has the executor as a separate file";

/// The remedy for a file that was damaged in transfer.
const AGAIN: &str = "upload the program again, to the same place (with FTP: in binary mode)";

/// The executor inside the program.
struct Carried {
    program: File,
    start: u64,
    length: u64,
    sum: u64,
}

/// The path of the executor inside `program`, unpacked; `None` where the program has none inside.
///
/// # Errors
/// Why it cannot be unpacked, and what to do.
pub(super) fn find(program: &Path, cache_dir: Option<&Path>) -> Result<Option<PathBuf>> {
    let Some(carried) = Carried::in_program(program)? else {
        return Ok(None);
    };
    let roots = place::ROOTS.map(|name| std::env::var_os(OsStr::from_bytes(name)));
    let roots = roots
        .each_ref()
        .map(|root| root.as_deref().map(OsStr::as_bytes));
    let named = cache_dir.map(Path::to_owned);
    let without_folder = |why: String| {
        anyhow!(
            "cannot unpack the executor (the library for Python that is built into `{}`): {why}",
            program.display()
        )
    };
    let found = cache_folder::find(named, |name| std::env::var_os(name), &roots);
    let folder = found.map_err(without_folder)?.make().map_err(|why| {
        without_folder(format!(
            "found no folder to unpack it to: {why}; or {REMEDY}"
        ))
    })?;
    let file = folder.join(carried.name());
    let unusable = |why: anyhow::Error| {
        anyhow!(
            "cannot unpack the executor (the library for Python that is built into `{}`) to `{}`: {why}",
            program.display(),
            file.display()
        )
    };
    refuse_noexec(&folder).map_err(unusable)?;
    if !carried.is_unpacked(&file) {
        let content = carried.content(program)?;
        carried.unpack(&content, &file).map_err(unusable)?;
        remove_others(&folder, &file);
    }
    Ok(Some(file))
}

impl Carried {
    /// Looks in the file that this process was started from, as `path` may have been replaced since.
    fn in_program(path: &Path) -> Result<Option<Self>> {
        let Ok(program) = File::open("/proc/self/exe").or_else(|_| File::open(path)) else {
            return Ok(None);
        };
        let Some(own) = elf::read(&program)? else {
            return Ok(None);
        };
        let has = program.metadata()?.len();
        let whole = |length: u64| {
            let shown = path.display();
            if has < length {
                bail!("`{shown}` is incomplete ({has} of {length} bytes): {AGAIN}");
            }
            Ok(())
        };
        whole(own.length)?;
        let mut head = [0; HEAD];
        if program.read_exact_at(&mut head, own.length).is_err() || !head.starts_with(MAGIC) {
            return Ok(None);
        }
        let number = |place: usize| {
            let bytes = head[place..place + 8].try_into();
            bytes.map_or(0, u64::from_le_bytes)
        };
        let carried = Self {
            start: own.length + HEAD as u64,
            length: number(16),
            sum: number(24),
            program,
        };
        whole(carried.start.saturating_add(carried.length))?;
        Ok(Some(carried))
    }

    fn name(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        format!("{BEGINNING}{version}-{:016x}{ENDING}", self.sum)
    }

    /// Whether it was unpacked. Name, owner and mode show that this user has unpacked and checked the file and
    /// no other user could change it; the length shows that a system crash has not cut it. The content is not
    /// read again for each request.
    fn is_unpacked(&self, file: &Path) -> bool {
        let about = attempt::open(file).and_then(|file| file.metadata());
        about.is_ok_and(|about| about.len() == self.length)
    }

    /// Writes it under another name first, so that a file with the final name is complete.
    fn unpack(&self, content: &[u8], file: &Path) -> Result<()> {
        // Writing beyond this limit would kill this process (SIGXFSZ).
        if let Some(most) = getrlimit(Resource::Fsize).current
            && most < self.length
        {
            bail!(
                "this process may write no file larger than {most} bytes (RLIMIT_FSIZE): raise this limit with \
                 `ulimit -f`, or ask the hosting provider"
            );
        }
        let mut new = file.as_os_str().to_owned();
        new.push(format!(".{}-{}", std::process::id(), times::now()));
        let written = || -> std::io::Result<()> {
            let mut to = File::options()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&new)?;
            to.write_all(content)?;
            to.sync_all()?;
            fs::rename(&new, file)
        };
        written().map_err(|error| {
            _ = fs::remove_file(&new);
            anyhow!("{error}: {REMEDY}")
        })
    }

    fn content(&self, program: &Path) -> Result<Vec<u8>> {
        let mut content = vec![0; usize::try_from(self.length)?];
        self.program.read_exact_at(&mut content, self.start)?;
        if sum(&content) != self.sum {
            bail!(
                "the executor that is built into `{}` is damaged: {AGAIN}",
                program.display()
            );
        }
        Ok(content)
    }
}

/// Code cannot be loaded from a file system that is mounted noexec.
fn refuse_noexec(folder: &Path) -> Result<()> {
    if is_noexec(folder) {
        bail!("the target is on a file system that is mounted `noexec`: {REMEDY}");
    }
    Ok(())
}

/// Removes executors of other versions and incomplete ones, unless they are recent.
fn remove_others(folder: &Path, kept: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = entry.path();
        if name.starts_with(BEGINNING) && name.contains(ENDING) && path != kept && is_left(&path) {
            _ = fs::remove_file(path);
        }
    }
}

/// Whether it is one of ours and old. The folder may contain files that are not ours.
fn is_left(path: &Path) -> bool {
    let looked = || -> Option<bool> {
        let file = attempt::open(path).ok()?;
        let about = file.metadata().ok()?;
        let is_ours = about.len() == 0 || elf::read(&file).ok()?.is_some();
        Some(is_ours && about.modified().ok()?.elapsed().ok()? > LEFT)
    };
    looked().unwrap_or(false)
}
