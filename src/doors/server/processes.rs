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
use process::program;

/// What is the same for each.
#[derive(Debug)]
pub struct Processes {
    /// The options, and the script.
    pub arguments: Vec<OsString>,
    /// The script.
    pub script: PathBuf,
    /// What surrounds the meta-variables.
    pub around: MetaVariables,
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
        meta.surround(&self.around);
        let variables = meta.iter();
        let variables =
            variables.map(|(name, value)| (OsStr::from_bytes(name), OsStr::from_bytes(value)));
        Command::new(program::path())
            .args(&self.arguments)
            .env_clear()
            .envs(variables)
            .stdin(Stdio::from(content))
            .stdout(Stdio::from(output))
            .process_group(0)
            .spawn()
    }
}
