//! Finds the application that was named: the Python lines by which a script imports it (written in `import`),
//! a name for the script, and the folders where its packages may be.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use settings::config::{App, Callable, Source};

use super::callable;
use super::import;
use super::paths::{clean, listed};

/// An application that was found.
#[derive(Debug)]
pub(super) struct Application {
    /// Python lines that bind it as `application`.
    pub(super) import: String,
    /// A name for the script.
    pub(super) name: String,
    /// Its folders, where a virtual environment may be.
    pub(super) folders: Vec<PathBuf>,
    /// Its file, if known.
    pub(super) file: Option<PathBuf>,
    /// What could not be found out, for the user.
    pub(super) note: Option<String>,
}

impl Application {
    /// Finds it, from the working directory; modules in the named folders too.
    ///
    /// # Errors
    /// Where it does not exist, or several applications may be meant.
    pub(super) fn named(app: &OsStr, python_path: &[PathBuf]) -> Result<Self> {
        let path = Path::new(app);
        if path.is_dir() {
            return project(&clean(path)?);
        }
        if path.file_name() == Some("manage.py".as_ref()) && path.is_file() {
            let file = clean(path)?;
            return project(file.parent().unwrap_or(Path::new("/")));
        }
        let App { source, callable } = App::parse(app)?;
        match source {
            Source::File(path) => in_file(&path, callable),
            Source::Module(name) => in_module(&name, callable, python_path),
            Source::PasteDeploy { file, name } => in_configuration(&file, name.as_deref()),
        }
    }
}

/// The one application of a folder: Django's, a package, or a file that has the usual name.
fn project(folder: &Path) -> Result<Application> {
    let is_there = |name: &str| folder.join(name).is_file();
    if is_there("manage.py") {
        let entries = fs::read_dir(folder).with_context(|| format!("`{}`", folder.display()))?;
        let files = entries.flatten().map(|entry| entry.path().join("wsgi.py"));
        let mut found: Vec<_> = files.filter(|file| file.is_file()).collect();
        found.sort();
        return match &found[..] {
            [file] => in_file(file, None),
            [] => bail!(
                "`{}` has a manage.py, but no */wsgi.py: name the application's file or module",
                folder.display()
            ),
            several => bail!(
                "`{}` has several applications: name one of them: {}",
                folder.display(),
                listed(several)
            ),
        };
    }
    for name in ["__init__.py", "wsgi.py", "app.py"] {
        if is_there(name) {
            return in_file(&folder.join(name), None);
        }
    }
    bail!(
        "the folder `{}` has no manage.py, __init__.py, wsgi.py or app.py: name the application's file",
        folder.display()
    )
}

fn in_file(path: &Path, callable: Option<Callable>) -> Result<Application> {
    let file = clean(path)?;
    let source = fs::read(&file).with_context(|| format!("`{}`", file.display()))?;
    let callable = callable.map_or_else(|| found_in(&source, &file), Ok)?;
    let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = match &*stem {
        "wsgi" | "__init__" => folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into(),
        _ => stem.to_string(),
    };
    let (import, root) = match import::module_of(&file) {
        Some((root, module)) => (import::of_module(&module, &callable, Some(&root))?, root),
        None => (import::of_file(&file, &callable)?, folder.clone()),
    };
    Ok(Application {
        import,
        name,
        folders: vec![folder, root],
        file: Some(file),
        note: None,
    })
}

/// A module of the working directory, else of the named folders, else one of the packages.
fn in_module(
    module: &str,
    callable: Option<Callable>,
    python_path: &[PathBuf],
) -> Result<Application> {
    let here = std::env::current_dir().context("the working directory")?;
    let mut roots = std::iter::once(&here).chain(python_path);
    let found = roots.find_map(|root| Some((root, import::file_of(root, module)?)));
    let callable = match (callable, &found) {
        (Some(callable), _) => callable,
        (None, Some((_, file))) => {
            let source = fs::read(file).with_context(|| format!("`{}`", file.display()))?;
            found_in(&source, file)?
        }
        (None, None) => bail!(
            "no module `{module}` in `{}`: run this in the module's folder, name that folder with \
             --python-path, or name the callable too, as in `{module}:app`",
            here.display()
        ),
    };
    let parts: Vec<&str> = module.split('.').collect();
    let name = match &parts[..] {
        [.., above, "wsgi" | "app" | "application" | "main"] => above,
        [.., last] => last,
        [] => module,
    };
    let note = found.is_none().then(|| {
        format!(
            "Note: no module `{module}` in `{}`: it must be installed in the Python that the script uses.",
            here.display()
        )
    });
    // Folders of --python-path are in the script's settings.
    let own = found
        .as_ref()
        .map(|(root, _)| *root)
        .filter(|root| **root == here);
    Ok(Application {
        import: import::of_module(module, &callable, own.map(PathBuf::as_path))?,
        name: name.to_owned(),
        folders: vec![here.clone()],
        file: found.map(|(_, file)| file),
        note,
    })
}

fn in_configuration(file: &Path, section: Option<&str>) -> Result<Application> {
    let file = clean(file)?;
    fs::File::open(&file).with_context(|| format!("`{}`", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Application {
        import: import::of_configuration(&file, section)?,
        name: stem.into_owned(),
        folders: vec![folder],
        file: Some(file),
        note: None,
    })
}

/// The application in a source, where the command line names no callable.
fn found_in(source: &[u8], file: &Path) -> Result<Callable> {
    callable::find(&String::from_utf8_lossy(source)).with_context(|| {
        let file = file.display();
        format!(
            "`{file}` defines no `application`, `app`, `create_app` or `make_app` at the start of a line: \
             name the callable, as in `{file}:NAME`"
        )
    })
}
