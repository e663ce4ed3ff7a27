//! Starts a process for each request, as a web server starts a script: this program again, with the
//! meta-variables as its environment. It answers from the image where there is one.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use exchange::MetaVariables;
use process::{limits, program};

/// What is the same for each.
#[derive(Debug)]
pub struct Processes {
    /// The options, and the script.
    pub arguments: Vec<OsString>,
    /// The script.
    pub script: PathBuf,
    /// What surrounds the meta-variables.
    pub around: MetaVariables,
    /// How many files each may have open: this process may have more, and a new one has the limit that its
    /// parent has at that moment.
    pub open_files: u64,
}

impl Processes {
    /// Starts one.
    pub(super) fn start(
        &self,
        mut meta: MetaVariables,
        content: OwnedFd,
        output: OwnedFd,
    ) -> io::Result<Child> {
        // It tells the program which argument is the script, whatever the query says.
        meta.set("SCRIPT_FILENAME", self.script.as_os_str().as_bytes());
        meta.add_environment(&self.around);
        let variables = meta.iter();
        let variables =
            variables.map(|(name, value)| (OsStr::from_bytes(name), OsStr::from_bytes(value)));
        let mut command = Command::new(program::path());
        command
            .args(&self.arguments)
            .env_clear()
            .envs(variables)
            .stdin(Stdio::from(content))
            .stdout(Stdio::from(output))
            .process_group(0);
        // Nothing is opened while the limit is lower: the standard library starts the process with `posix_spawn`.
        limits::set_open_files(self.open_files);
        let started = command.spawn();
        _ = limits::raise_open_files();
        started
    }
}
