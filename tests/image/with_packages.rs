//! Images of applications that use packages from PyPI.

mod chance;
mod databases;
mod hooks;
mod libraries;

use super::{Site, programs};
use crate::harness::cgi::{Answer, Cgi};
use crate::harness::packages;

/// A site whose answer is what an expression gives, after some lines of loading.
fn site(loading: &str, expression: &str) -> Option<Site> {
    let options = format!("--venv {}", packages::venv()?.display());
    let text = format!(
        "import os, sys\nloaded_by = os.getpid()\n{loading}\n\
         def application(environ, start_response):\n    \
         restored = 'yes' if loaded_by != os.getpid() else 'no'\n    \
         start_response('200 OK', [('X-Restored', restored)])\n    \
         return [repr({expression}).encode()]\n"
    );
    Some(Site::with_options(&options, &text))
}

/// The same request to the cold program.
fn cold(site: &Site) -> Cgi {
    let script = site.script();
    let venv = packages::venv().expect("there is one, or no site");
    let request = site.request().program(programs().join("wsgi-cgi"));
    request.argument("--venv").argument(venv).argument(script)
}

/// What a process answers that was really restored, and says nothing in the log.
#[track_caller]
fn restored(site: &Site) -> String {
    let answer: Answer = site.request().run();
    assert_eq!(answer.header("X-Restored"), ["yes"]);
    answer.text().to_owned()
}
