//! What loading the application depended on, gathered before an image is written, and whether it changed
//! meanwhile. `freshness` compares it with what a later request finds.

use std::fmt;

use anyhow::Result;

use super::format::{Folder, Head, How, Look, Stamp};
use super::freshness;
use super::watch::is_of_the_kernel;

/// What loading the application depended on.
#[derive(Debug, Default)]
pub struct Basis {
    /// The `#!` line's argument and the script.
    pub identity: Vec<u8>,
    /// Variables that were read, and hashes of their values.
    pub variables: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// A hash of all names, where the application listed them; else 0.
    pub names: u64,
    /// Inherited attributes that were read, and their values.
    pub inherited: Vec<((u64, u64), Vec<u8>)>,
    /// Files that were read.
    pub files: Vec<Vec<u8>>,
    /// Those of them that existed.
    pub found: Vec<Vec<u8>>,
    /// Paths that were looked up, as they were then.
    pub looks: Vec<Look>,
    /// Paths that this process wrote and nobody has changed since.
    pub own: Vec<Vec<u8>>,
    /// Folders that were listed, as they were then.
    pub folders: Vec<Folder>,
    /// What the application asked for that cannot be watched (the time, for example).
    pub asked: Vec<String>,
    /// Modules that drew random bytes.
    pub drawn: Vec<String>,
    /// Why there was no warm-up, though one was asked for.
    pub unwarmed: String,
    /// When loading began; no file may have changed since.
    pub began: u64,
    /// For how many seconds the image is used.
    pub max_age: u64,
    /// How many processes are restored from it at most.
    pub max_restores: u64,
}

impl Basis {
    /// The head of an image without pages, which says why there are none.
    ///
    /// # Errors
    /// When a file has changed since loading began.
    pub fn refusal(&self, now: u64, reason: &str, max_age: u64) -> Result<Head> {
        let mut head = self.head(now)?;
        head.refusal = reason.into();
        head.max_age = max_age.min(head.max_age);
        Ok(head)
    }

    pub(super) fn head(&self, now: u64) -> Result<Head> {
        let mut head = Head {
            identity: self.identity.clone(),
            machine: freshness::machine(),
            made: now,
            max_age: self.max_age,
            max_restores: self.max_restores,
            asked: self
                .asked
                .iter()
                .map(|line| line.as_bytes().to_vec())
                .collect(),
            drawn: self
                .drawn
                .iter()
                .map(|name| name.as_bytes().to_vec())
                .collect(),
            unwarmed: self.unwarmed.as_bytes().to_vec(),
            maker: u64::try_from(rustix::process::getpid().as_raw_nonzero().get()).unwrap_or(0),
            variables: self.variables.clone(),
            names: self.names,
            inherited: self.inherited.clone(),
            looks: self.looks.clone(),
            folders: self.folders.clone(),
            ..Head::default()
        };
        for path in &self.files {
            // Python has just compared compiled code with its source.
            let is_of_a_source = source_of(path).is_some_and(|source| self.files.contains(&source));
            if !is_of_a_source && !is_of_the_kernel(path) {
                add_file(&mut head, path);
            }
        }
        self.refuse_changing(&head)?;
        Ok(head)
    }

    pub(super) fn refuse_changing(&self, head: &Head) -> Result<()> {
        let is_recent = |changed: u64| {
            // Not every file system counts parts of a second.
            let until = if changed.trailing_zeros() < 30 {
                changed
            } else {
                changed + (1 << 30)
            };
            until >= self.began
        };
        let is_own = |path: &Vec<u8>| self.own.contains(path);
        let has_gone =
            |path, stamp: &Stamp| *stamp == Stamp::default() && self.found.contains(path);
        let timed = |look: &&Look| matches!(look.how, How::Whole | How::Link);
        let looks = head.looks.iter().filter(timed);
        let looks = looks.map(|look| (&look.path, &look.stamp));
        let mut files = head
            .files
            .iter()
            .map(|(path, stamp)| (path, stamp))
            .chain(looks);
        match files.find(|(path, stamp)| {
            (is_recent(stamp.changed) || has_gone(path, stamp)) && !is_own(path)
        }) {
            Some((path, _)) => Err(Changing::meanwhile(path).into()),
            None => Ok(()),
        }
    }
}

/// A file changed, so it is unknown which content was loaded: another attempt may succeed.
#[derive(Debug)]
pub struct Changing {
    reason: String,
    /// Whether loading itself changed it, and may not do so the next time.
    pub by_loading: bool,
}

impl Changing {
    /// Another process changed it.
    #[must_use]
    pub fn meanwhile(path: &[u8]) -> Self {
        Self {
            reason: format!(
                "`{}` changed while the application was loading",
                path.escape_ascii()
            ),
            by_loading: false,
        }
    }

    /// A mapped file that was deleted or replaced.
    #[must_use]
    pub fn in_use(name: &str) -> Self {
        Self {
            reason: format!("`{name}` was replaced or deleted while in use"),
            by_loading: false,
        }
    }

    /// Loading changed it after looking at it.
    #[must_use]
    pub fn by_loading(path: &[u8]) -> Self {
        Self {
            reason: format!(
                "while loading, the application reads `{}` and then changes it, so that the next \
                 process would find other content: change it when a request needs it",
                path.escape_ascii()
            ),
            by_loading: true,
        }
    }
}

impl fmt::Display for Changing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Changing {}

/// The observer was killed, as the maker might have been (by a limit of the host, for example): that says
/// nothing about the application.
#[derive(Debug)]
pub struct Unobserved;

impl fmt::Display for Unobserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the process that watches the application while it loads was killed")
    }
}

impl std::error::Error for Unobserved {}

/// `folder/name.py` for `folder/__pycache__/name.cpython-311.pyc`.
fn source_of(compiled: &[u8]) -> Option<Vec<u8>> {
    let slash = compiled.iter().rposition(|&byte| byte == b'/')?;
    let folder = compiled[..slash].strip_suffix(b"/__pycache__")?;
    let name = compiled[slash + 1..].strip_suffix(b".pyc")?;
    let name = name.split(|&byte| byte == b'.').next()?;
    Some([folder, b"/", name, b".py"].concat())
}

/// The index of a file in the list; adds it if it is missing.
pub(super) fn add_file(head: &mut Head, path: &[u8]) -> u64 {
    let known = head.files.iter().position(|(name, _)| name == path);
    let place = known.unwrap_or_else(|| {
        let stamp = freshness::stamp_of(path).unwrap_or_default();
        head.files.push((path.to_vec(), stamp));
        head.files.len() - 1
    });
    place as u64
}
