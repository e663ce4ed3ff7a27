//! Which virtual environment is used, and whether it fits the linked Python.
//!
//! CPython takes a wrong one in silence: another minor version leaves its packages out, a missing
//! executable is no error. So each is checked here and said. Paths are never canonicalised: it is
//! the path of `bin/python3` through which Python knows its environment.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use rustix::fs::Access;

use crate::config::Config;

/// `3.11`, of the libpython that this program is linked with.
pub(super) const LINKED_VERSION: &str = env!("WSGI_CGI_LINKED_VERSION");
/// The interpreter that belongs to it.
pub(super) const LINKED_EXECUTABLE: &str = env!("WSGI_CGI_LINKED_EXECUTABLE");
/// Its installation prefix.
pub(super) const LINKED_PREFIX: &str = env!("WSGI_CGI_LINKED_PREFIX");

/// A virtual environment that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Venv {
    /// Its folder.
    pub root: PathBuf,
    /// Its interpreter, as a path inside it.
    pub executable: PathBuf,
    /// Whether it was made by another build of the same version of Python.
    pub foreign: bool,
}

/// Where the application's packages come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packages {
    /// A virtual environment.
    Venv(Venv),
    /// The linked Python's own, because none of these places has a virtual environment.
    System {
        /// Where one was looked for.
        looked_in: Vec<PathBuf>,
    },
}

impl Packages {
    /// The environment that was named, else `VIRTUAL_ENV`, else `.venv` or `venv` beside the
    /// application or one folder above.
    ///
    /// # Errors
    /// For one that is named and broken, or found and made for another version.
    pub fn find(config: &Config, virtual_env: Option<&Path>) -> Result<Self> {
        if let Some(root) = config.venv.as_deref().or(virtual_env) {
            return Venv::open(root).map(Self::Venv);
        }
        let folder = std::path::absolute(config.app.folder()).unwrap_or(config.app.folder());
        let folders = [Some(folder.as_path()), folder.parent()];
        let places = folders
            .iter()
            .flatten()
            .flat_map(|dir| [dir.join(".venv"), dir.join("venv")]);
        let mut looked_in = Vec::new();
        for place in places {
            match fs::metadata(place.join("pyvenv.cfg")) {
                Ok(file) if file.is_file() => return Venv::open(&place).map(Self::Venv),
                // A folder that is there is meant, and must not be passed over in silence.
                Err(error) if error.kind() == ErrorKind::PermissionDenied && place.is_dir() => {
                    return Err(closed(&place, &place.join("pyvenv.cfg")));
                }
                _ => looked_in.push(place),
            }
        }
        Ok(Self::System { looked_in })
    }

    /// The files that this choice rests on, there or not.
    #[must_use]
    pub fn rests_on(&self, config: &Config) -> Vec<PathBuf> {
        let folder = std::path::absolute(config.app.folder()).unwrap_or(config.app.folder());
        let folders = [Some(folder.as_path()), folder.parent()];
        let beside = folders
            .iter()
            .flatten()
            .flat_map(|dir| [dir.join(".venv"), dir.join("venv")]);
        let mut files: Vec<PathBuf> = beside.map(|place| place.join("pyvenv.cfg")).collect();
        if let Self::Venv(venv) = self {
            let own = ["pyvenv.cfg", "bin/python3", "bin/python"];
            files.extend(own.iter().map(|name| venv.root.join(name)));
        }
        files.push(LINKED_EXECUTABLE.into());
        files
    }
}

impl fmt::Display for Packages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Venv(venv) => write!(f, "the virtual environment `{}`", venv.root.display()),
            Self::System { looked_in } => {
                let places: Vec<_> = looked_in
                    .iter()
                    .map(|p| format!("`{}`", p.display()))
                    .collect();
                write!(
                    f,
                    "`{LINKED_EXECUTABLE}`, as no virtual environment is at {}",
                    places.join(", ")
                )
            }
        }
    }
}

impl Venv {
    /// Checks the environment in `root`.
    ///
    /// # Errors
    /// When it is none, has no interpreter, or is for another version of Python.
    pub fn open(root: &Path) -> Result<Self> {
        let shown = root.display();
        let remedy = format!("make it with `{LINKED_EXECUTABLE} -m venv {shown}`");
        let settings = root.join("pyvenv.cfg");
        let text = fs::read_to_string(&settings).map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => closed(root, &settings),
            _ => anyhow!("`{shown}` is no virtual environment (no readable pyvenv.cfg): {remedy}"),
        })?;
        let settings = parse(&text);
        let executables = ["bin/python3", "bin/python"].map(|name| root.join(name));
        let found = executables.iter().find(|path| path.exists()).cloned();
        let Some(executable) = found else {
            refuse_closed(root, &executables[0])?;
            bail!("broken virtual environment `{shown}`: its bin/python3 leads nowhere: {remedy}");
        };
        let version = settings.get("version").or(settings.get("version_info"));
        let version = version.map_or_else(|| packages_version(root), |v| Some(minor_version(v)));
        if let Some(version) = version.filter(|version| version != LINKED_VERSION) {
            bail!(
                "the virtual environment `{shown}` is for Python {version}, this program for \
                 {LINKED_VERSION}: {remedy} (another folder keeps the old one), or build wsgi-cgi \
                 with PYO3_PYTHON={}",
                executable.display()
            );
        }
        refuse_closed(
            root,
            &root.join(format!("lib/python{LINKED_VERSION}/site-packages")),
        )?;
        let foreign = settings
            .get("home")
            .is_some_and(|home| !is_linked_home(Path::new(home)));
        Ok(Self {
            root: root.to_owned(),
            executable,
            foreign,
        })
    }
}

/// Says so where this process may not read a part of the environment, or get to it.
fn refuse_closed(root: &Path, part: &Path) -> Result<()> {
    let wanted = if part.is_dir() {
        Access::READ_OK | Access::EXEC_OK
    } else {
        Access::EXISTS
    };
    match rustix::fs::access(part, wanted) {
        Err(rustix::io::Errno::ACCESS) => Err(closed(root, part)),
        _ => Ok(()),
    }
}

/// What to open so that a part of the environment can be read.
fn closed(root: &Path, part: &Path) -> anyhow::Error {
    // A link may lead out of it.
    let target = fs::read_link(part).unwrap_or_else(|_| part.to_owned());
    let part = part.with_file_name("").join(target);
    let is_closed = |path: &&Path| {
        let wanted = match fs::metadata(path) {
            Ok(about) if !about.is_dir() => Access::READ_OK,
            Ok(_) if *path == part => Access::READ_OK | Access::EXEC_OK,
            Ok(_) => Access::EXEC_OK,
            Err(_) => return false, // one above it is
        };
        rustix::fs::access(*path, wanted).is_err()
    };
    let first = part.ancestors().find(is_closed).unwrap_or(&part);
    // Above the environment there may be a home: it is opened no further than needed.
    let how = if first.starts_with(root) {
        "-R go+rX"
    } else {
        "go+x"
    };
    anyhow!(
        "user {} may not read the virtual environment `{}`: `{}` is closed to it: `chmod {how} {}`",
        rustix::process::geteuid().as_raw(),
        root.display(),
        first.display(),
        first.display()
    )
}

/// `pyvenv.cfg` as it really is: `key = value`, keys in any case, spaces optional.
fn parse(text: &str) -> HashMap<String, &str> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| (key.trim().to_ascii_lowercase(), value.trim()))
        .collect()
}

/// `3.11` of `3.11.2` or `3.11.2.final.0`.
fn minor_version(version: &str) -> String {
    version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

/// The version of the only `lib/pythonX.Y`, for an environment that does not say.
fn packages_version(root: &Path) -> Option<String> {
    let entries = fs::read_dir(root.join("lib")).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let versions: Vec<String> = names
        .filter_map(|name| name.strip_prefix("python").map(str::to_owned))
        .collect();
    if versions.iter().any(|version| version == LINKED_VERSION) {
        return None;
    }
    versions.into_iter().next()
}

/// Whether `home`, the folder of the interpreter an environment was made with, is ours.
fn is_linked_home(home: &Path) -> bool {
    let ours = Path::new(LINKED_EXECUTABLE).parent();
    let real = |path: &Path| fs::canonicalize(path).ok();
    ours.is_none_or(|ours| home == ours || real(home) == real(ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn venv(config: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("bin")).expect("a folder");
        fs::write(root.path().join("bin/python3"), "").expect("a file");
        fs::write(root.path().join("pyvenv.cfg"), config).expect("a file");
        root
    }

    fn refusal(config: &str) -> String {
        Venv::open(venv(config).path())
            .expect_err("refused")
            .to_string()
    }

    #[test]
    fn the_version_is_checked_in_every_spelling() {
        for config in [
            "version = 3.2.1",
            "version_info = 3.2.1.final.0",
            "VERSION=3.2",
        ] {
            assert!(refusal(config).contains("is for Python 3.2"), "{config}");
        }
        let ours = format!("version = {LINKED_VERSION}.99\n");
        assert!(Venv::open(venv(&ours).path()).is_ok());
    }

    #[test]
    fn without_a_version_the_packages_tell() {
        let root = venv("home = /usr/bin\n");
        fs::create_dir_all(root.path().join("lib/python3.2")).expect("a folder");
        assert!(Venv::open(root.path()).is_err());
        fs::create_dir_all(root.path().join(format!("lib/python{LINKED_VERSION}")))
            .expect("a folder");
        assert!(Venv::open(root.path()).is_ok());
    }

    #[test]
    fn a_missing_interpreter_is_said() {
        let root = venv("");
        fs::remove_file(root.path().join("bin/python3")).expect("removed");
        let error = Venv::open(root.path()).expect_err("broken").to_string();
        assert!(error.contains("leads nowhere"), "{error}");
    }

    #[test]
    fn the_executable_stays_inside_the_environment() {
        let root = venv("");
        let executable = Venv::open(root.path()).expect("fine").executable;
        assert_eq!(executable, root.path().join("bin/python3"));
    }
}
