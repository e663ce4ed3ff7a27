//! A cache for compiled modules that Python cannot write beside their source, as is usual for a web
//! server's user. They are written to a folder that only this user can write to, by the import system
//! itself and with its checks. A compiled module beside the source is still used.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use rustix::fs::{Access, AtFlags, CWD};

use super::interpreter::attach;
use image::{cache_folder, place};

/// Replaces the import system's function `cache_from_source` (PEP 3147) for folders where Python may not write.
#[pyclass(frozen, module = "wsgi_cgi")]
struct CacheFromSource {
    usual: Py<PyAny>,
    state: Mutex<State>,
}

struct State {
    /// The cache named with --cache-dir.
    named: Option<PathBuf>,
    /// The folder in the cache, or why it cannot be used; set when it is first needed.
    folder: OnceCell<Result<PathBuf, String>>,
    /// Whether Python can write compiled modules for a folder.
    writable: HashMap<PathBuf, bool>,
    /// The last source and its place: the import system asks for each module twice.
    last: (PathBuf, PathBuf),
    kept: BTreeSet<PathBuf>,
}

/// From now on, modules that cannot be stored compiled beside their source are stored in the cache that
/// was named, or in that of this user, which is made when it is first needed.
///
/// # Errors
/// If Python's import system differs from what is expected.
pub fn keep_bytecode(named: Option<PathBuf>) -> anyhow::Result<()> {
    let state = State {
        named,
        folder: OnceCell::new(),
        writable: HashMap::new(),
        last: <_>::default(),
        kept: BTreeSet::new(),
    };
    let installed = attach(|py| -> PyResult<()> {
        let sys = py.import("sys")?;
        let is_elsewhere = match sys.getattr_opt("pycache_prefix")? {
            Some(prefix) => !prefix.is_none(),
            None => false,
        };
        if is_elsewhere || sys.getattr("dont_write_bytecode")?.is_truthy()? {
            return Ok(());
        }
        // The folders that Python searches, without those that the application adds.
        let searched: Vec<PathBuf> = sys.getattr("path")?.extract()?;
        if searched
            .iter()
            .all(|folder| may_write(folder) != Some(false))
        {
            return Ok(());
        }
        let import_system = py.import("_frozen_importlib_external")?;
        let usual = import_system.getattr("cache_from_source")?.unbind();
        let state = Mutex::new(state);
        import_system.setattr("cache_from_source", CacheFromSource { usual, state })
    });
    installed.map_err(|error| anyhow!("cannot set up the cache of compiled modules: {error}"))
}

/// How many of the loaded modules are stored in the cache, and its folder; None if every module is
/// stored beside its source.
///
/// # Errors
/// If there is no folder that only this user can write to.
pub fn kept_bytecode() -> anyhow::Result<Option<(usize, PathBuf)>> {
    let found = attach(|py| -> PyResult<_> {
        let import_system = py.import("_frozen_importlib_external")?;
        let function = import_system.getattr("cache_from_source")?;
        let Ok(function) = function.cast_into::<CacheFromSource>() else {
            return Ok(None);
        };
        let state = function.get().state.lock();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let folder = state.folder.get();
        Ok(folder.map(|folder| (state.kept.len(), folder.clone())))
    });
    match found.map_err(|error| anyhow!("{error}"))? {
        None => Ok(None),
        Some((count, Ok(folder))) => Ok(Some((count, folder))),
        Some((_, Err(why))) => {
            let remedy = if why.contains("--cache-dir") {
                ""
            } else {
                "; alternatively, name one with --cache-dir"
            };
            Err(anyhow!(
                "there is no private folder for compiled modules: {why}{remedy}"
            ))
        }
    }
}

#[pymethods]
impl CacheFromSource {
    #[pyo3(signature = (path, *args, **kwargs))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        path: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let all = [path.clone()].into_iter().chain(args.iter());
        let all = PyTuple::new(py, all.collect::<Vec<_>>())?;
        let usual = self.usual.bind(py).call(all, kwargs)?;
        let (Ok(source), Ok(beside)) = (path.extract::<PathBuf>(), usual.extract::<PathBuf>())
        else {
            return Ok(usual);
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let place = state.place(&source, &beside);
        // Python must not be called while the lock is held: it could import something.
        drop(state);
        match place {
            Some(place) => Ok(place.as_os_str().into_pyobject(py)?.into_any()),
            None => Ok(usual),
        }
    }
}

impl State {
    /// Where the module is stored, unless beside its source.
    fn place(&mut self, source: &Path, beside: &Path) -> Option<PathBuf> {
        if self.last.0 == source {
            return Some(self.last.1.clone()).filter(|place| place != beside);
        }
        let place = self.look(source, beside);
        if let Some(place) = &place {
            self.kept.insert(place.clone());
        }
        self.last = (source.into(), place.clone().unwrap_or(beside.into()));
        place
    }

    fn look(&mut self, source: &Path, beside: &Path) -> Option<PathBuf> {
        let (folder, caches) = (source.parent()?, beside.parent()?);
        if !source.is_absolute() || caches.parent() != Some(folder) {
            return None;
        }
        let is_writable = |writable: &mut HashMap<PathBuf, bool>| {
            if let Some(known) = writable.get(folder) {
                return *known;
            }
            let is = may_write(caches).unwrap_or_else(|| may_write(folder) == Some(true));
            writable.insert(folder.into(), is);
            is
        };
        if is_writable(&mut self.writable) || is_fresh(beside, source) {
            return None;
        }
        let named = self.named.take();
        let own = self.folder.get_or_init(|| own_folder(named));
        let place = own.as_ref().ok()?.join(folder.strip_prefix("/").ok()?);
        Some(place.join(beside.file_name()?))
    }
}

/// The folder, made if necessary. An error if others may have made it or can write to it, or if a web
/// server may serve it.
fn own_folder(named: Option<PathBuf>) -> Result<PathBuf, String> {
    // Compiled modules contain the constants of the code, such as secret keys.
    let roots = place::ROOTS.map(|name| std::env::var_os(OsStr::from_bytes(name)));
    let roots = roots
        .each_ref()
        .map(|root| root.as_deref().map(OsStr::as_bytes));
    let cache = cache_folder::find(named, |name| std::env::var_os(name), &roots)?.make()?;
    let folder = cache.join("bytecode");
    match place::make(&folder) {
        Ok(()) => Ok(folder),
        Err(error) => Err(format!("`{}`: {error}", folder.display())),
    }
}

/// Whether files can be made in a folder; None if it does not exist.
fn may_write(folder: &Path) -> Option<bool> {
    let wanted = Access::WRITE_OK | Access::EXEC_OK;
    // The plain call checks the real user; every seccomp filter allows it.
    let flags = if rustix::process::getuid() == rustix::process::geteuid() {
        AtFlags::empty()
    } else {
        AtFlags::EACCESS
    };
    match rustix::fs::accessat(CWD, folder, wanted, flags) {
        Ok(()) => Some(true),
        Err(rustix::io::Errno::NOENT) => None,
        Err(_) => Some(false),
    }
}

/// Whether a compiled module exists and is not older than its source; Python checks it in detail.
fn is_fresh(compiled: &Path, source: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|about| about.modified()).ok();
    modified(compiled).is_some_and(|compiled| modified(source).is_none_or(|it| it <= compiled))
}
