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
        found.sort_unstable();
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
    let callable = callable_of(&source, &file, callable)?;
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
    let here = std::env::current_dir().context("cannot determine the working directory")?;
    let mut roots = std::iter::once(&here).chain(python_path);
    let found = roots.find_map(|root| Some((root, import::file_of(root, module)?)));
    let callable = match (callable, &found) {
        (callable, Some((_, file))) => {
            let source = fs::read(file).with_context(|| format!("`{}`", file.display()))?;
            callable_of(&source, file, callable)?
        }
        (Some(callable), None) => callable,
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
    let text = fs::read(&file).with_context(|| format!("`{}`", file.display()))?;
    if let Some(name) = section
        && !has_section(&String::from_utf8_lossy(&text), name)
    {
        bail!(
            "`{0}` has no section for `{name}`, such as `[app:{name}]`: name one that it has, as in \
             `config:{0}#NAME`",
            file.display()
        );
    }
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

/// Whether a PasteDeploy configuration has a section `[app:NAME]`, `[pipeline:NAME]` and so on, or `[app]` for
/// `main`.
fn has_section(text: &str, name: &str) -> bool {
    let mut sections = text.lines().filter_map(|line| {
        let line = line.strip_prefix('[')?;
        Some(line.split_once(']')?.0.trim())
    });
    sections.any(|section| match section.split_once(':') {
        Some((_, named)) => named.trim() == name,
        None => name == "main",
    })
}

/// The callable that the command line names, which must be in the source, else the usual one there.
fn callable_of(source: &[u8], file: &Path, named: Option<Callable>) -> Result<Callable> {
    let source = String::from_utf8_lossy(source);
    let shown = file.display();
    let Some(named) = named else {
        return callable::find(&source).with_context(|| {
            format!(
                "`{shown}` defines no `application`, `app`, `create_app` or `make_app` at the start of a line: \
                 name the callable, as in `{shown}:NAME`"
            )
        });
    };
    let name = named.path.first().map_or("", String::as_str);
    if callable::surely_lacks(&source, name) && !is_submodule(file, name) {
        let instead = callable::instead_of(&source, name);
        let remedy = instead.map_or_else(
            || "name the callable that it has".to_owned(),
            |instead| format!("did you mean `{shown}:{instead}`?"),
        );
        bail!("`{shown}` has no `{name}`: {remedy}");
    }
    Ok(named)
}

/// Whether a package has a module of that name, which is imported with it.
fn is_submodule(file: &Path, name: &str) -> bool {
    let folder = file.parent().unwrap_or(Path::new("/"));
    file.file_name() == Some("__init__.py".as_ref()) && import::file_of(folder, name).is_some()
}
