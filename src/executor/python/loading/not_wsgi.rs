//! Messages for scripts that are not WSGI applications, or that answer or serve themselves: what each
//! is, and what to do about it.

use std::path::Path;

use pyo3::intern;
use pyo3::prelude::*;

use super::printed::Printed;
use settings::config::App;

/// The message for a script that printed an answer while it was loaded. `callable` is its application,
/// if it has one.
#[cold]
pub(in super::super) fn explain_printed_answer(
    app: &App,
    printed: &Printed,
    callable: Option<&Bound<'_, PyAny>>,
) -> String {
    let place = printed.place.as_ref();
    let Some(callable) = callable else {
        let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
        return format!(
            "`{app}` is a CGI script that prints its answer itself{place} and has no WSGI \
             application: run it with Python instead (`#!/usr/bin/env python3` in its first line)"
        );
    };
    let place = place.map_or_else(|| "it".to_owned(), ToString::to_string);
    let name = callable
        .getattr("__name__")
        .and_then(|name| name.extract::<String>())
        .map_or_else(|_| "the application".to_owned(), |name| format!("`{name}`"));
    format!(
        "`{app}` runs another CGI gateway: {place} printed CGI response headers while the script was loaded, and \
         that answer is lost: remove that call, because wsgi-cgi calls {name} itself"
    )
}

/// The message for an ASGI application; None for others.
pub(in super::super) fn explain_asgi(
    app: &App,
    application: &Bound<'_, PyAny>,
) -> PyResult<Option<String>> {
    /// `inspect.CO_COROUTINE` and `CO_ASYNC_GENERATOR`
    const ASYNCHRONOUS: u32 = 0x80 | 0x200;
    let py = application.py();
    let mut application = application.clone();
    // `functools.partial`
    while application.get_type().name()? == "partial"
        && let Some(function) = application.getattr_opt(intern!(py, "func"))?
    {
        application = function;
    }
    let code = match application.getattr_opt(intern!(py, "__code__"))? {
        Some(code) => Some(code),
        None => match application
            .get_type()
            .getattr_opt(intern!(py, "__call__"))?
        {
            Some(call) => call.getattr_opt(intern!(py, "__code__"))?,
            None => None,
        },
    };
    let Some(code) = code else {
        return Ok(None);
    };
    let flags = code
        .getattr(intern!(py, "co_flags"))
        .and_then(|flags| flags.extract::<u32>());
    let is_asynchronous = flags.is_ok_and(|flags| flags & ASYNCHRONOUS != 0);
    Ok(is_asynchronous.then(|| asgi_message(app)))
}

#[cold]
fn asgi_message(app: &App) -> String {
    let beside = app.folder().join("wsgi.py");
    let remedy = if beside.is_file() {
        format!("name `{}` instead", beside.display())
    } else {
        "wrap it, for example with the package a2wsgi: `from a2wsgi import ASGIMiddleware`, \
         `application = ASGIMiddleware(app)`"
            .to_owned()
    };
    format!("`{app}` is an ASGI application (`async def`), not a WSGI application: {remedy}")
}

/// The message for Django's `manage.py`: what to name instead.
#[cold]
pub(in super::super) fn explain_django(app: &App, file: &Path) -> String {
    let mut found = Vec::new();
    let folder = file.parent().unwrap_or(Path::new("."));
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let candidate = entry.path().join("wsgi.py");
        if candidate.is_file() {
            found.push(candidate);
        }
    }
    let instead = match found.as_slice() {
        [one] => format!("`{}`", one.display()),
        _ => "the `wsgi.py` beside its settings".to_owned(),
    };
    format!(
        "`{app}` is the command-line script of a Django project, not an application: name \
         {instead} instead"
    )
}
