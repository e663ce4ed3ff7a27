//! From this program to a Python with the executor in it: the command line that a process becomes.

mod elf;
mod embedded_executor;
mod executor;

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use exchange::MetaVariables;
use process::environment::PRELOAD;
use process::handed_on::HandedOn;
use process::report::Exit;
use settings::config::Config;
use settings::python::Packages;

/// The code that this Python runs first. Where its version or implementation is not supported, it says so in one
/// line; all versions can parse the code.
const SUPPORTED: &str = "\
import sys
if getattr(getattr(sys, 'implementation', None), 'name', '') != 'cpython' or sys.version_info < (3, 9) \
or 't' in getattr(sys, 'abiflags', ''):
    sys.stderr.write('wsgi-cgi: `%s` is Python %s: CPython 3.9 or newer is needed, without free \
threading: name another with --python or --venv\\n' % (sys.executable, sys.version.split('\\n')[0]))
    sys.exit(78)
";

/// The code that loads the executor, by its path: no search, and applications do not see it.
const LOAD: &str = "\
import _imp
class executor: name, origin = '_wsgi_cgi', sys.argv[1]
try:
    executor = _imp.create_dynamic(executor)
    _imp.exec_dynamic(executor)
except ImportError as error:
    sys.stderr.write('wsgi-cgi: `%s` cannot load the executor: %s: install the one for this system\\n' \
% (sys.executable, error))
    sys.exit(78)
executor.main(sys.argv[2:])
";

pub(crate) use elf::{Defect, defect};
pub(crate) use executor::find as executor_of;

/// A Python to become, and the executor for it.
#[derive(Debug)]
pub(crate) struct Becoming {
    python: PathBuf,
    executor: PathBuf,
}

impl Becoming {
    /// The Python that an application is for, with the executor that belongs to the program.
    ///
    /// # Errors
    /// Where one of them does not exist.
    pub(crate) fn of(config: &Config, environment: &MetaVariables, program: &Path) -> Result<Self> {
        let virtual_env = environment.get_redirected("VIRTUAL_ENV");
        let virtual_env = virtual_env.map(|root| Path::new(OsStr::from_bytes(root)));
        let packages = Packages::find(config, virtual_env, program)?;
        Ok(Self {
            python: packages.executable().to_owned(),
            executor: executor::find(program, config.cache_dir.as_deref())?,
        })
    }

    /// The path of the Python, for error messages.
    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    /// The words that start it, its name first.
    fn words(&self, handed_on: &HandedOn) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![
            self.python.clone().into(),
            "-S".into(),
            "-c".into(),
            [SUPPORTED, LOAD].concat().into(),
            self.executor.clone().into(),
        ];
        words.extend(handed_on.words());
        words
    }

    /// The same as C has it: the file and the words.
    pub(crate) fn c_words(&self, handed_on: &HandedOn) -> (CString, Vec<CString>) {
        let python = self.python.as_os_str().as_bytes();
        let words = self.words(handed_on).into_iter();
        (
            CString::new(python).unwrap_or_default(),
            words
                .flat_map(|word| CString::new(word.into_vec()))
                .collect(),
        )
    }

    /// The same as a command.
    pub(crate) fn command(&self, handed_on: &HandedOn) -> Command {
        let mut command = Command::new(&self.python);
        command.args(self.words(handed_on).into_iter().skip(1));
        command
    }

    /// Whether this Python is supported; if not, it says so itself. With the executor in LD_PRELOAD an old one would
    /// end before it can.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(crate) fn is_supported(&self) -> Result<bool> {
        let mut command = Command::new(&self.python);
        command.args(["-S", "-c", SUPPORTED]).env_clear();
        let status = command.status();
        let status =
            status.with_context(|| format!("`{}` cannot be started", self.python.display()))?;
        Ok(status.code() != Some(i32::from(Exit::NoGood.code())))
    }

    /// Sets LD_PRELOAD to the executor, so that its functions replace those of the C library.
    pub(crate) fn preload(&self, command: &mut Command, given: Option<&[u8]>) {
        let mut value = self.executor.clone().into_os_string().into_vec();
        if let Some(given) = given.filter(|given| !given.is_empty()) {
            value.push(b':');
            value.extend_from_slice(given);
        }
        command.env(PRELOAD, OsString::from_vec(value));
    }
}
