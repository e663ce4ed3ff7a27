//! What a developer wants of an exchange beyond its answer. A CGI request wants nothing of it.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule};

use super::failure::Failure;
use crate::exchange::{Event, Observer};
use crate::process::terminal::Terminal;
use crate::report;

/// Whoever looks on, if anybody does.
#[derive(Clone, Debug, Default)]
pub struct Watch(pub Option<Arc<dyn Observer>>);

impl Watch {
    /// Whether anybody does.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Tells of an event.
    pub fn tell(&self, event: Event<'_>) {
        if let Some(observer) = &self.0 {
            observer.observe(event);
        }
    }
}

/// Everything that may be wanted.
#[derive(Debug, Default)]
pub struct Inspection {
    /// Who is told what happens.
    pub watch: Watch,
    /// Whether `wsgiref.validate` stands between the gateway and the application.
    pub validate: bool,
    /// Where a failure is looked into with `pdb`.
    pub post_mortem: Option<Terminal>,
    /// Whether Python tells how long each import takes.
    pub import_times: bool,
}

/// Frameworks answer an exception with a page of their own. These are their switches for leaving
/// it to the gateway: WebTest's and Paste's key, Django's setting, Flask's configuration, also of
/// a Flask application inside middleware.
const LET_THROUGH: &std::ffi::CStr = c"\
def let_through(application, environ, modules):
    environ['paste.throw_errors'] = environ['x-wsgiorg.throw_errors'] = True
    if 'django.conf' in modules:
        modules['django.conf'].settings.DEBUG_PROPAGATE_EXCEPTIONS = True
    for _ in range(10):
        config = getattr(application, 'config', None)
        if type(config).__module__ == 'flask.config':
            config['PROPAGATE_EXCEPTIONS'] = True
        application = getattr(application, 'app', None) or getattr(application, 'application', None)
";

impl Inspection {
    /// The application as it is to be called.
    pub(super) fn prepare<'py>(
        &self,
        application: &Bound<'py, PyAny>,
        environ: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = application.py();
        if self.post_mortem.is_some() {
            let module = PyModule::from_code(py, LET_THROUGH, c"wsgi-cgi", c"_wsgi_cgi_pdb")?;
            let modules = py.import("sys")?.getattr("modules")?;
            module.call_method1("let_through", (application, environ, modules))?;
        }
        if !self.validate {
            return Ok(application.clone());
        }
        py.import("wsgiref.validate")?
            .call_method1("validator", (application,))
    }

    /// Opens the debugger where an exception was raised.
    pub(super) fn examine(&self, py: Python<'_>, failure: &Failure) {
        let (Some(terminal), Some(exception)) = (&self.post_mortem, &failure.exception) else {
            return;
        };
        let examined = || -> PyResult<()> {
            let _loan = terminal.lend()?;
            let sys = py.import("sys")?;
            // The application may have put others in their place.
            for name in ["stdin", "stdout"] {
                sys.setattr(name, sys.getattr(format!("__{name}__"))?)?;
            }
            let frames = exception.getattr(py, "__traceback__")?;
            py.import("pdb")?.call_method1("post_mortem", (frames,))?;
            sys.getattr("stdout")?.call_method0("flush")?;
            Ok(())
        };
        if let Err(error) = examined() {
            let failure = Failure::of(py, &error, "pdb ended");
            report::log(&failure.summary);
        }
    }
}
