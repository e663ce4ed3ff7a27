//! `--static URL=DIR`: files that a web server would send itself. A path never leads out of the
//! folder, neither with `..` nor through a link, and never to a hidden file.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// One folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticFolder {
    /// `/static`, or empty for the root.
    url: Vec<u8>,
    folder: PathBuf,
}

/// What a path leads to.
#[derive(Debug)]
pub enum StaticFile {
    /// A file.
    Found(File, PathBuf),
    /// A folder whose URL lacks its slash at the end.
    NeedsSlash,
    /// Nothing that may be sent.
    Missing,
}

impl StaticFolder {
    /// The files of `folder`, shown below `url`.
    ///
    /// Fails when there is no such folder.
    pub fn new(url: &str, folder: &Path) -> Result<Self> {
        let shown = folder.display();
        let folder = folder
            .canonicalize()
            .with_context(|| format!("--static: `{shown}`"))?;
        if !folder.is_dir() {
            bail!("--static: `{shown}` is not a folder");
        }
        Ok(Self {
            url: url.trim_end_matches('/').as_bytes().to_vec(),
            folder,
        })
    }

    /// The file for a decoded path, where the path is below this folder's URL.
    #[must_use]
    pub fn find(&self, path: &[u8]) -> Option<StaticFile> {
        let rest = path.strip_prefix(&self.url[..])?;
        if !rest.is_empty() && !rest.starts_with(b"/") {
            return None;
        }
        Some(self.look_up(rest).unwrap_or(StaticFile::Missing))
    }

    fn look_up(&self, rest: &[u8]) -> Option<StaticFile> {
        let mut path = self.folder.clone();
        for name in rest.split(|&byte| byte == b'/') {
            if name.is_empty() {
                continue;
            }
            // Hidden files, and `..`; only `.well-known` is public (RFC 8615).
            if name.starts_with(b".") && name != b".well-known" {
                return None;
            }
            path.push(OsStr::from_bytes(name));
        }
        let path = path.canonicalize().ok()?;
        if !path.starts_with(&self.folder) {
            return None;
        }
        if path.is_dir() {
            if !rest.ends_with(b"/") {
                return Some(StaticFile::NeedsSlash);
            }
            return Self::open(path.join("index.html"));
        }
        // A file is no folder.
        if rest.ends_with(b"/") {
            return None;
        }
        Self::open(path)
    }

    fn open(path: PathBuf) -> Option<StaticFile> {
        // No link any more, and no pipe that would make us wait.
        if !path.symlink_metadata().ok()?.is_file() {
            return None;
        }
        let file = File::open(&path).ok()?;
        Some(StaticFile::Found(file, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// `FOUND name`, or what else.
    fn shown(found: Option<StaticFile>) -> String {
        match found {
            Some(StaticFile::Found(_, path)) => {
                format!("found {}", path.file_name().expect("a name").display())
            }
            Some(StaticFile::NeedsSlash) => "needs a slash".into(),
            Some(StaticFile::Missing) => "missing".into(),
            None => "not ours".into(),
        }
    }

    #[test]
    fn a_path_leads_to_a_file_of_the_folder_or_nowhere() {
        let place = tempfile::tempdir().expect("a folder");
        let root = place.path().join("root");
        fs::create_dir_all(root.join("sub")).expect("folders");
        for name in ["a b.css", "sub/index.html", ".env", "../secret"] {
            fs::write(root.join(name), name).expect("a file");
        }
        symlink("../secret", root.join("out")).expect("a link");
        symlink("a b.css", root.join("in")).expect("a link");
        let folder = StaticFolder::new("/s/", &root).expect("a folder");
        for (path, expected) in [
            ("/s/a b.css", "found a b.css"),
            ("/s//a b.css", "found a b.css"),
            ("/s/in", "found a b.css"),
            ("/s/sub/", "found index.html"),
            ("/s/sub", "needs a slash"),
            ("/s", "needs a slash"),
            ("/s/", "missing"),
            ("/s/a b.css/", "missing"),
            ("/s/.env", "missing"),
            ("/s/../secret", "missing"),
            ("/s/sub/../../secret", "missing"),
            ("/s/out", "missing"),
            ("/static", "not ours"),
            ("/", "not ours"),
        ] {
            assert_eq!(shown(folder.find(path.as_bytes())), expected, "{path}");
        }
    }

    #[test]
    fn a_missing_folder_or_a_file_is_refused() {
        for bad in ["/does/not/exist", "/dev/null"] {
            assert!(StaticFolder::new("/s", Path::new(bad)).is_err(), "{bad}");
        }
    }
}
