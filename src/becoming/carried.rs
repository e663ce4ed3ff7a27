//! The executor in the program itself: the single file that `scripts/wheel.d/single.py` makes has it behind the
//! program's own bytes. Python loads it only from a file: the first request lays it into the user's folder for
//! images, the others find it there.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use rustix::fs::StatVfsMountFlags;
use rustix::process::{Resource, getrlimit};

use super::elf;
use crate::restoring::attempt;
use image::common;
use image::format::sum;
use image::place;
use process::clock;

/// What follows the program's own bytes: this, the executor's length and its sum, then the executor.
const MAGIC: &[u8; 16] = b"wsgi-cgi carries";
const HEAD: usize = 32;

/// What is laid has a name that begins and ends so.
const BEGINNING: &str = "executor-";
const ENDING: &str = ".abi3.so";

/// Another one may be a second program's of this user, which is in use; it lays it again if need be.
const LEFT: Duration = Duration::from_secs(3600);

/// What else there is to do.
const REMEDY: &str = "name another folder with --cache-dir or WSGI_CGI_CACHE_DIR, or install the \
                      archive that has the executor as a file";

/// What helps against a file that was changed on its way.
const AGAIN: &str = "put the program there once more, as a binary file";

/// The executor, as it lies in the program.
struct Carried {
    program: File,
    start: u64,
    length: u64,
    sum: u64,
}

/// The one that `program` carries, as a file; none where it carries none.
///
/// # Errors
/// Why it cannot be had, and what to do.
pub(super) fn find(program: &Path, cache_dir: Option<&Path>) -> Result<Option<PathBuf>> {
    let Some(carried) = Carried::in_program(program)? else {
        return Ok(None);
    };
    let roots = place::ROOTS.map(|name| std::env::var_os(OsStr::from_bytes(name)));
    let roots = roots
        .each_ref()
        .map(|root| root.as_deref().map(OsStr::as_bytes));
    let named = cache_dir.map(Path::to_owned);
    let without_folder =
        |why: String| anyhow!("the executor that `{}` carries: {why}", program.display());
    let found = common::find(named, |name| std::env::var_os(name), &roots);
    let folder = found
        .map_err(without_folder)?
        .make()
        .map_err(|why| without_folder(format!("no folder for it: {why}: {REMEDY}")))?;
    let file = folder.join(carried.name());
    let unusable = |why: anyhow::Error| {
        anyhow!(
            "the executor that `{}` carries cannot be used as `{}`: {why}: {REMEDY}",
            program.display(),
            file.display()
        )
    };
    refuse_noexec(&folder).map_err(unusable)?;
    if !carried.is_laid(&file) {
        let content = carried.content(program)?;
        carried.lay(&content, &file).map_err(unusable)?;
        remove_others(&folder, &file);
    }
    Ok(Some(file))
}

impl Carried {
    /// The program may have been replaced since it was started: what it carries is looked for in the file
    /// that it was started from.
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
                bail!("`{shown}` is not whole, it has {has} of {length} bytes: {AGAIN}");
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

    /// Whether it lies there. By the file's name, owner and mode it is what this user laid, whole and
    /// checked, and nobody else could write to it; by its length no crash of the system has cut it. Its content
    /// is not read again for each request.
    fn is_laid(&self, file: &Path) -> bool {
        let about = attempt::open(file).and_then(|file| file.metadata());
        about.is_ok_and(|about| about.len() == self.length)
    }

    /// Writes it under another name first: who finds it by its own name finds all of it.
    fn lay(&self, content: &[u8], file: &Path) -> Result<()> {
        // Beyond such a limit this process would be ended (SIGXFSZ).
        if let Some(most) = getrlimit(Resource::Fsize).current
            && most < self.length
        {
            bail!("no file may be larger than {most} bytes (RLIMIT_FSIZE)");
        }
        let mut new = file.as_os_str().to_owned();
        new.push(format!(".{}-{}", std::process::id(), clock::now()));
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
            error.into()
        })
    }

    fn content(&self, program: &Path) -> Result<Vec<u8>> {
        let mut content = vec![0; usize::try_from(self.length)?];
        self.program.read_exact_at(&mut content, self.start)?;
        if sum(&content) != self.sum {
            bail!(
                "the executor that `{}` carries is damaged: {AGAIN}",
                program.display()
            );
        }
        Ok(content)
    }
}

/// From some file systems nothing can be loaded that runs.
fn refuse_noexec(folder: &Path) -> Result<()> {
    let about = rustix::fs::statvfs(folder);
    if about.is_ok_and(|about| about.f_flag.contains(StatVfsMountFlags::NOEXEC)) {
        bail!("nothing can be run from that file system, which is mounted `noexec`");
    }
    Ok(())
}

/// Removes those of other versions and what was left half laid, where nobody has use of it.
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

/// Whether it is one of ours, and was laid long ago. The folder may have other people's files in it.
fn is_left(path: &Path) -> bool {
    let looked = || -> Option<bool> {
        let file = attempt::open(path).ok()?;
        let about = file.metadata().ok()?;
        let is_ours = about.len() == 0 || elf::read(&file).ok()?.is_some();
        Some(is_ours && about.modified().ok()?.elapsed().ok()? > LEFT)
    };
    looked().unwrap_or(false)
}
