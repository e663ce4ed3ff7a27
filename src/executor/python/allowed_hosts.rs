//! Whether Django has refused a request for its host. Outside of its debug mode it answers 400 without a word in
//! any log, so `doctor` asks for the reason.

use pyo3::prelude::*;
use pyo3::types::PyModule;

use exchange::{MetaVariables, RefusedHost};
use process::report;
use settings::options::DOCTOR;

/// Asks as `HttpRequest.get_host` does.
const REFUSED: &std::ffi::CStr = c"\
def refused(host, modules):
    settings = getattr(modules.get('django.conf'), 'settings', None)
    request = modules.get('django.http.request')
    if request is None or not getattr(settings, 'configured', False):
        return None
    allowed = list(settings.ALLOWED_HOSTS)
    known = allowed or (['.localhost', '127.0.0.1', '[::1]'] if settings.DEBUG else [])
    name, port = request.split_domain_port(host)
    if name and request.validate_host(name, known):
        return None
    module = modules.get(getattr(settings, 'SETTINGS_MODULE', None))
    return list(map(str, allowed)), getattr(module, '__file__', None) or ''
";

/// Logs it, in a request that `doctor` makes.
pub(super) fn report_refusal(py: Python<'_>, meta: &MetaVariables) {
    if meta.get(DOCTOR).is_none() {
        return;
    }
    let host = String::from_utf8_lossy(meta.get("HTTP_HOST").unwrap_or_default()).into_owned();
    let ask = || -> PyResult<Option<(Vec<String>, String)>> {
        let module = PyModule::from_code(py, REFUSED, c"wsgi-cgi", c"_wsgi_cgi_hosts")?;
        let modules = py.import("sys")?.getattr("modules")?;
        modules.call_method1("pop", ("_wsgi_cgi_hosts", py.None()))?;
        module.call_method1("refused", (&host, modules))?.extract()
    };
    if let Ok(Some((allowed, file))) = ask() {
        let refused = RefusedHost {
            host,
            allowed,
            file,
        };
        report::log(&report::one_line(&refused.to_string()));
    }
}
