//! Which requests are kept to be answered again.

use std::path::PathBuf;

/// Where requests that ended in a 5xx are kept, and how much of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The folder.
    pub folder: PathBuf,
    /// How many files, the newest.
    pub files: u64,
    /// How many bytes each has at most.
    pub bytes: u64,
    /// Whether passwords, cookies and the like are kept too.
    pub secrets: bool,
}
