//! The Python lines that bind an application as `application`: a module by an ordinary import; a file that
//! cannot be imported by its path; a PasteDeploy configuration by PasteDeploy's loader.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use settings::config::Callable;
use settings::options::quoted;

/// Modules of the standard library that Python or applications use: a file of such a name could not be
/// imported, or would hide the module.
const TAKEN: &str = " abc ast asyncio atexit base64 bisect builtins calendar cgi cmd code codecs collections \
    contextlib copy csv datetime decimal dis email encodings enum errno fnmatch functools gc genericpath \
    glob hashlib heapq html http importlib inspect io ipaddress itertools json keyword linecache locale \
    logging mimetypes numbers operator os pathlib pickle pkgutil platform posix posixpath profile queue \
    random re reprlib resource runpy secrets select shutil signal site socket sqlite3 ssl stat statistics \
    string struct subprocess sys tempfile test textwrap threading time token tokenize traceback types \
    typing unittest urllib uuid warnings weakref wsgiref xml zipfile zipimport zlib ";

/// Words that cannot be names in Python.
const KEYWORDS: &str = " False None True and as assert async await break class continue def del elif else \
    except finally for from global if import in is lambda nonlocal not or pass raise return try while \
    with yield ";

/// The folder (above all its packages) from which a file is imported, and its dotted name. `None` for a file
/// that cannot be imported by a name.
pub(super) fn module_of(file: &Path) -> Option<(PathBuf, String)> {
    let stem = file.file_stem()?.to_str()?;
    let mut folder = file.parent()?;
    let mut parts = Vec::new();
    if stem != "__init__" {
        parts.push(stem);
    }
    while folder.join("__init__.py").is_file() {
        parts.push(folder.file_name()?.to_str()?);
        folder = folder.parent()?;
    }
    parts.reverse();
    let first = *parts.first()?;
    let good = file.extension() == Some("py".as_ref()) && parts.iter().all(|part| is_name(part));
    (good && !TAKEN.contains(&format!(" {first} "))).then(|| (folder.to_owned(), parts.join(".")))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
        && !KEYWORDS.contains(&format!(" {text} "))
}

/// The file of a module below a folder.
pub(super) fn file_of(root: &Path, module: &str) -> Option<PathBuf> {
    let place = module
        .split('.')
        .fold(root.to_owned(), |path, part| path.join(part));
    let files = [place.join("__init__.py"), place.with_extension("py")];
    files.into_iter().find(|file| file.is_file())
}

/// Imports from a module, which is looked for in the folder `root` first.
pub(super) fn of_module(module: &str, callable: &Callable, root: Option<&Path>) -> Result<String> {
    let first = callable.path.first().map_or("application", String::as_str);
    let import = match (&callable.path[..], callable.factory) {
        ([name], false) if name == "application" => format!("from {module} import {name}\n"),
        ([name], false) => format!("from {module} import {name} as application\n"),
        _ => format!("from {module} import {first}\n\napplication = {callable}\n"),
    };
    Ok(match root {
        Some(root) => path_line(root)? + &import,
        None => import,
    })
}

/// Runs a file that cannot be imported, as a module with a name of its own (`_application_...`). The script
/// itself is the module `_wsgi_cgi_...`.
pub(super) fn of_file(file: &Path, callable: &Callable) -> Result<String> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let (name, text) = (quoted(&format!("_application_{name}")), in_quotes(file)?);
    let path = path_line(file.parent().unwrap_or(Path::new("/")))?;
    let path = path.replacen(
        "import sys\n",
        "import sys\nfrom types import ModuleType\n",
        1,
    );
    Ok(format!(
        "{path}module = sys.modules[{name}] = ModuleType({name})\n\
         module.__file__ = {text}\n\
         with open(module.__file__, \"rb\") as source:\n    \
         exec(compile(source.read(), module.__file__, \"exec\"), module.__dict__)\n\
         application = module.{callable}\n"
    ))
}

/// Loads the application of a PasteDeploy configuration.
pub(super) fn of_configuration(file: &Path, section: Option<&str>) -> Result<String> {
    let shown = file.display().to_string();
    if shown.contains(['%', '#']) {
        bail!(
            "`{shown}`: `%` and `#` are special in a path for PasteDeploy: rename the file or folder"
        );
    }
    let path = path_line(file.parent().unwrap_or(Path::new("/")))?;
    let uri = quoted(&format!("config:{}", utf_8(file)?));
    let section = section.map_or(String::new(), |name| format!(", name={}", quoted(name)));
    Ok(format!(
        "{path}from paste.deploy import loadapp\n\napplication = loadapp({uri}{section})\n"
    ))
}

fn path_line(folder: &Path) -> Result<String> {
    Ok(format!(
        "import sys\n\nsys.path.insert(0, {})\n",
        in_quotes(folder)?
    ))
}

fn in_quotes(path: &Path) -> Result<String> {
    Ok(quoted(utf_8(path)?))
}

fn utf_8(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| {
        format!(
            "the path `{}` is not UTF-8 and cannot be written in a script: rename it",
            path.display()
        )
    })
}
