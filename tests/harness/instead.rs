//! Folders and files in the place of this machine's, for one command and what it starts: in a mount
//! namespace of its own, so that what the program has at a fixed place can be tried as it is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use super::skip;

/// What is seen, and in the place of what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instead(Vec<(PathBuf, PathBuf)>);

impl Instead {
    pub(crate) fn of(mut self, place: &str, seen: impl Into<PathBuf>) -> Self {
        self.0.push((seen.into(), place.into()));
        self
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    /// The words of a command before a program and its arguments, which sees it so.
    pub(crate) fn words(&self) -> Vec<OsString> {
        const MOUNT: &str = "while [ \"$1\" != -- ]; do mount --bind \"$1\" \"$2\"; shift 2; done; \
                             shift; exec \"$@\"";
        let mut words: Vec<OsString> = ["unshare", "--mount", "--propagation", "private"]
            .into_iter()
            .chain(["sh", "-ec", MOUNT, "sh"])
            .map(OsString::from)
            .collect();
        for (seen, place) in &self.0 {
            words.extend([seen.into(), place.into()]);
        }
        words.push("--".into());
        words
    }
}

/// Whether that can be done here; says so where it cannot.
pub(crate) fn is_possible() -> bool {
    static POSSIBLE: LazyLock<bool> = LazyLock::new(|| {
        let words = Instead::default().of("/var/cache", "/var/cache").words();
        let tried = Command::new(&words[0])
            .args(&words[1..])
            .arg("true")
            .stderr(Stdio::null())
            .status();
        tried.is_ok_and(|status| status.success()) && Path::new("/usr/bin/setpriv").exists()
    });
    if !*POSSIBLE {
        skip("only root can have folders in the place of the machine's, with unshare and setpriv");
    }
    *POSSIBLE
}
