//! What a developer may ask for besides the answer. A CGI request uses nothing of it.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule};

use super::failure::Failure;
use exchange::{Event, MetaVariables, Observer};
use process::report;
use process::terminal::Terminal;

/// The observer of events, if there is one.
#[derive(Clone, Debug, Default)]
pub struct Watch(pub Option<Arc<dyn Observer>>);

impl Watch {
    /// Whether there is one.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Reports an event.
    pub fn tell(&self, event: Event<'_>) {
        if let Some(observer) = &self.0 {
            observer.observe(event);
        }
    }
}

/// Everything that may be wanted.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Inspection {
    /// The observer of events.
    pub watch: Watch,
    /// Whether `wsgiref.validate` stands between the gateway and the application.
    pub validate: bool,
    /// Where a failure is looked into with `pdb`.
    pub post_mortem: Option<Terminal>,
    /// Whether to measure how long each import takes.
    pub import_times: bool,
    /// Whether to measure the time of each function.
    pub profile: bool,
    /// Whether to explain how to serve Django's static files when one is requested.
    pub hints_at_static_files: bool,
}

/// Frameworks answer an exception with a page of their own. This sets their switches to pass it on to
/// the gateway: the environ key of Paste, Django's setting, Flask's configuration, Bottle's attribute.
/// Flask's is set for each application that gets a request.
const LET_THROUGH: &std::ffi::CStr = c"\
def let_through(environ, modules):
    if 'paste' in modules or 'weberror' in modules:
        environ['paste.throw_errors'] = environ['x-wsgiorg.throw_errors'] = True
    django = getattr(modules.get('django.conf'), 'settings', None)
    if getattr(django, 'configured', False):
        django.DEBUG_PROPAGATE_EXCEPTIONS = True
    Flask = getattr(modules.get('flask.app'), 'Flask', None)
    if hasattr(Flask, 'request_context'):
        original = Flask.request_context
        def request_context(self, *given, **named):
            self.config['PROPAGATE_EXCEPTIONS'] = True
            return original(self, *given, **named)
        Flask.request_context = request_context
    Bottle = getattr(modules.get('bottle'), 'Bottle', None)
    if hasattr(Bottle, 'catchall'):
        Bottle.catchall = False
";

/// Whether one of these frameworks is loaded.
pub(super) fn has_framework(py: Python<'_>) -> bool {
    const FRAMEWORKS: [&str; 5] = ["paste", "weberror", "django.conf", "flask.app", "bottle"];
    let modules = py.import("sys").and_then(|sys| sys.getattr("modules"));
    modules.is_ok_and(|modules| {
        let is_loaded = |name: &&str| modules.contains(*name).unwrap_or(false);
        FRAMEWORKS.iter().any(is_loaded)
    })
}

/// Django serves its static files only with its own development server. One file of the admin pages
/// stands for all of them.
const STATIC_FILES: &std::ffi::CStr = c"\
def static_files(path, modules):
    settings = getattr(modules.get('django.conf'), 'settings', None)
    if not getattr(settings, 'configured', False) or not settings.STATIC_URL:
        return None
    if path != settings.STATIC_URL + 'admin/css/base.css':
        return None
    import django, os
    folder = getattr(settings, 'STATIC_ROOT', None)
    if not folder or not os.path.isdir(folder):
        folder = os.path.join(os.path.dirname(django.__file__), 'contrib', 'admin', 'static')
    return settings.STATIC_URL.rstrip('/'), str(folder)
";

impl Inspection {
    /// The application to call, wrapped if necessary; `is_shown` if the developer's page will show what
    /// it raises.
    pub(super) fn prepare<'py>(
        &self,
        application: &Bound<'py, PyAny>,
        environ: &Bound<'py, PyDict>,
        is_shown: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = application.py();
        if is_shown || self.post_mortem.is_some() {
            let module = PyModule::from_code(py, LET_THROUGH, c"wsgi-cgi", c"_wsgi_cgi_shown")?;
            let modules = py.import("sys")?.getattr("modules")?;
            modules.call_method1("pop", ("_wsgi_cgi_shown", py.None()))?;
            module.call_method1("let_through", (environ, modules))?;
        }
        if !self.validate {
            return Ok(application.clone());
        }
        py.import("wsgiref.validate")?
            .call_method1("validator", (application,))
    }

    /// Logs how to serve Django's static files, if one was requested and not found.
    pub(super) fn hint_at_static_files(&self, py: Python<'_>, meta: &MetaVariables) {
        if !self.hints_at_static_files {
            return;
        }
        let find = || -> PyResult<Option<(String, String)>> {
            let module = PyModule::from_code(py, STATIC_FILES, c"wsgi-cgi", c"_wsgi_cgi_static")?;
            let modules = py.import("sys")?.getattr("modules")?;
            modules.call_method1("pop", ("_wsgi_cgi_static", py.None()))?;
            let path = ["SCRIPT_NAME", "PATH_INFO"].map(|name| meta.get(name).unwrap_or_default());
            let path = String::from_utf8_lossy(&path.concat()).into_owned();
            module
                .call_method1("static_files", (path, modules))?
                .extract()
        };
        if let Ok(Some((path, folder))) = find() {
            report::log(&format!(
                "Django serves static files only in its development server: here, add `--static \
                 {path}={folder}`"
            ));
        }
    }

    /// Opens the debugger where an exception was raised.
    pub(super) fn examine(&self, py: Python<'_>, failure: &Failure) {
        let (Some(terminal), Some(exception)) = (&self.post_mortem, &failure.exception) else {
            return;
        };
        let examined = || -> PyResult<()> {
            let _loan = terminal.lend()?;
            let sys = py.import("sys")?;
            // The application may have replaced them.
            for name in ["stdin", "stdout"] {
                sys.setattr(name, sys.getattr(format!("__{name}__"))?)?;
            }
            let frames = exception.getattr(py, "__traceback__")?;
            py.import("pdb")?.call_method1("post_mortem", (frames,))?;
            sys.getattr("stdout")?.call_method0("flush")?;
            Ok(())
        };
        if let Err(error) = examined() {
            let failure = Failure::of(py, &error, "pdb failed");
            report::log(&failure.summary);
        }
    }
}
