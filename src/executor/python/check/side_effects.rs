//! Side effects of a call on its process: threads left, and a changed working directory, umask, locale,
//! signal handler or `os.environ`. `processes` is for other processes.

use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rustix::fs::Mode;

use super::super::start_response::shown;
use super::notes::Notes;
use checking::rules;

/// How long a thread or a process may take to end.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);

/// The highest number of a signal.
const SIGNALS: std::ops::RangeInclusive<i32> = 1..=64;

/// The state before the call.
pub(super) struct SideEffects {
    folder: Option<Py<PyAny>>,
    umask: u32,
    locale: Option<Py<PyAny>>,
    signals: Vec<Option<Py<PyAny>>>,
    variables: Py<PyAny>,
    threads: Py<PyAny>,
}

impl SideEffects {
    pub(super) fn look(py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            folder: folder(py).ok(),
            umask: umask(),
            locale: locale(py),
            signals: signals(py)?,
            variables: py
                .import("os")?
                .getattr("environ")?
                .call_method0("copy")?
                .unbind(),
            threads: threads(py)?.unbind().into_any(),
        })
    }

    /// Records what differs now.
    pub(super) fn compare(&self, py: Python<'_>, notes: &Notes, application: &str) -> PyResult<()> {
        let is_same = |one: &Option<Py<PyAny>>, other: &Option<Py<PyAny>>| match (one, other) {
            (Some(one), Some(other)) => one.bind(py).eq(other.bind(py)).unwrap_or(true),
            (one, other) => one.is_none() == other.is_none(),
        };
        let wrong = |rule, text: String| notes.found(rule, application, text);
        let (now, text) = match folder(py) {
            Ok(now) => {
                let text = format!("the working directory is now {}", shown(now.bind(py)));
                (Some(now), text)
            }
            Err(error) => {
                let text = format!("the working directory was removed or is not readable: {error}");
                (None, text)
            }
        };
        if !is_same(&self.folder, &now) {
            wrong(&rules::DIRECTORY_CHANGED, text);
            if let Some(before) = &self.folder {
                py.import("os")?.call_method1("chdir", (before,))?;
            }
        }
        let now = umask();
        if self.umask != now {
            wrong(&rules::UMASK_CHANGED, format!("the umask is now {now:03o}"));
            rustix::process::umask(Mode::from_raw_mode(self.umask));
        }
        let now = locale(py);
        if !is_same(&self.locale, &now) {
            let shown = now.map_or("unknown".into(), |now| shown(now.bind(py)));
            wrong(&rules::LOCALE_CHANGED, format!("the locale is now {shown}"));
        }
        for (number, (before, now)) in SIGNALS.zip(self.signals.iter().zip(&signals(py)?)) {
            if !is_same(before, now) {
                wrong(
                    &rules::SIGNAL_CHANGED,
                    format!(
                        "the handler of {} was changed",
                        process::signals::shown(number)
                    ),
                );
            }
        }
        let names = self.changed_variables(py)?;
        if !names.is_empty() {
            wrong(
                &rules::ENVIRONMENT_CHANGED,
                format!("os.environ was changed: {}", names.join(", ")),
            );
        }
        self.compare_threads(py, notes, application)
    }

    fn changed_variables(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let now = py.import("os")?.getattr("environ")?.call_method0("copy")?;
        let now = now.cast_into::<PyDict>()?;
        let before = self.variables.bind(py).cast::<PyDict>()?;
        let mut names = Vec::new();
        for (one, other) in [(&now, before), (before, &now)] {
            for (name, value) in one.iter() {
                let is_same = other
                    .get_item(&name)?
                    .is_some_and(|there| there.eq(&value).unwrap_or(false));
                let name = name.to_string();
                if !is_same && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Ok(names)
    }

    fn compare_threads(&self, py: Python<'_>, notes: &Notes, application: &str) -> PyResult<()> {
        let before = self.threads.bind(py);
        let until = Instant::now() + PATIENCE;
        for thread in threads(py)?.iter() {
            if before.contains(&thread)? {
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            thread.call_method1("join", (left.as_secs_f64(),))?;
            if !thread.call_method0("is_alive")?.is_truthy()? {
                continue;
            }
            let text = format!(
                "the thread {} is still running after the answer",
                shown(&thread)
            );
            let is_daemon = thread.getattr("daemon")?.is_truthy()?;
            let rule = if is_daemon || is_of_a_pool(py, &thread) {
                &rules::DAEMON_THREAD_LEFT
            } else {
                &rules::THREAD_LEFT
            };
            notes.found(rule, application, text);
        }
        Ok(())
    }
}

/// Threads of `concurrent.futures` wait for work, and end with Python.
fn is_of_a_pool(py: Python<'_>, thread: &Bound<'_, PyAny>) -> bool {
    let queues = py
        .import("concurrent.futures.thread")
        .and_then(|module| module.getattr("_threads_queues"));
    queues.is_ok_and(|queues| queues.contains(thread).unwrap_or(false))
}

fn folder(py: Python<'_>) -> PyResult<Py<PyAny>> {
    Ok(py.import("os")?.call_method0("getcwd")?.unbind())
}

fn umask() -> u32 {
    let now = rustix::process::umask(Mode::empty());
    rustix::process::umask(now);
    now.as_raw_mode()
}

fn locale(py: Python<'_>) -> Option<Py<PyAny>> {
    let module = py.import("_locale").ok()?;
    let all = module.getattr("LC_ALL").ok()?;
    let locale = module.call_method1("setlocale", (all, py.None())).ok()?;
    Some(locale.unbind())
}

fn signals(py: Python<'_>) -> PyResult<Vec<Option<Py<PyAny>>>> {
    let handler = py.import("_signal")?.getattr("getsignal")?;
    Ok(SIGNALS
        .map(|number| handler.call1((number,)).ok().map(Bound::unbind))
        .collect())
}

/// The threads that Python knows; none if `threading` is not loaded.
fn threads(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let modules = py.import("sys")?.getattr("modules")?;
    if !modules.contains("threading")? {
        return Ok(PyList::empty(py));
    }
    let all = py.import("threading")?.call_method0("enumerate")?;
    Ok(all.cast_into::<PyList>()?)
}
