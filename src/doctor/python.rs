//! Which Python answers and where its packages come from, and whether that Python starts.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::Result;

use super::finding::Finding;
use super::{Case, requires_python};
use image::place;
use settings::config::{App, Config};
use settings::options::{CgiOptions, PYTHON, VENV};
use settings::origins::Origins;
use settings::permissions::is_noexec;
use settings::python::Packages;

/// Prints which Python it is; runs in any version.
const WHICH: &str = "import sys; v = sys.version_info; i = getattr(sys, 'implementation', None); \
                     sys.stdout.write('%s %d.%d.%d %d' % (getattr(i, 'name', '?'), v[0], v[1], v[2], \
                     't' in getattr(sys, 'abiflags', '')))";

/// Looks at the Python that was `named`, else the one that requests would get; returns it if it can be used.
pub(super) fn look(
    case: &Case,
    set: Option<(&Config, &Origins)>,
    named: Option<Packages>,
    findings: &mut Vec<Finding>,
) -> Option<Packages> {
    let line = set.and_then(|(_, origins)| another(origins));
    let packages = match named {
        Some(named) => named,
        None => match found(case, set.map(|(config, _)| config))? {
            Ok(packages) => packages,
            Err(error) => {
                let finding = Finding::wrong("python", format!("{error:#}"));
                findings.push(match line {
                    Some(line) => finding.mended_by(line),
                    None => finding,
                });
                return None;
            }
        },
    };
    let python = packages.executable();
    let shown = python.display();
    let mut command = case.command(python);
    command.args(["-S", "-c", WHICH]);
    let remedy = line.unwrap_or_else(|| {
        "install CPython 3.9 or newer, or name one with --python or --venv".to_owned()
    });
    let said = match case.run(command) {
        Ok(said) => said,
        Err(error) => {
            let why = if is_noexec(python) {
                "it is on a file system that is mounted `noexec`".to_owned()
            } else {
                error.to_string()
            };
            let said = format!("`{shown}` cannot be started: {why}");
            findings.push(Finding::wrong("python", said).mended_by(remedy));
            return None;
        }
    };
    let text = String::from_utf8_lossy(&said.output);
    let words: Vec<&str> = text.split(' ').collect();
    let [kind, version, free_threaded] = words[..] else {
        // The log may have values of variables, which a page must not show.
        let log = String::from_utf8_lossy(&said.log);
        let last = log.lines().next_back().filter(|_| !case.is_page);
        let last = place::shown(last.unwrap_or_default().as_bytes());
        let said = format!("`{shown}` failed to start, or is not a Python: {last}");
        findings.push(Finding::wrong("python", said).mended_by(remedy));
        return None;
    };
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let number: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if kind != "cpython" || number < (3, 9) || free_threaded != "0" {
        let what = if free_threaded == "0" {
            ""
        } else {
            ", free-threaded"
        };
        // Those before 3.3 do not say which implementation they are.
        let kind = if kind == "?" { "Python" } else { kind };
        let said = format!("`{shown}` is {kind} {version}{what}: CPython 3.9 or newer is needed");
        findings.push(Finding::wrong("python", said).mended_by(remedy));
        return None;
    }
    let said = format!("CPython {version}, with the packages of {packages}");
    findings.push(Finding::good("python", said));
    requires_python::look(case, &packages, version, findings);
    Some(packages)
}

/// The line with another one, where one was set.
fn another(origins: &Origins) -> Option<String> {
    let python = origins.set_to(&PYTHON, &["FILE"]);
    let python = python.map(|line| format!("{line}, FILE being CPython 3.9 or newer"));
    let venv = || origins.set_to(&VENV, &["FOLDER"]);
    python.or_else(|| {
        venv().map(|line| {
            format!("{line}, FOLDER being a virtual environment of CPython 3.9 or newer")
        })
    })
}

/// The one that the program would choose; `None` where that cannot be decided.
fn found(case: &Case, config: Option<&Config>) -> Option<Result<Packages>> {
    let nothing = App::file(case.program.clone());
    let usual = || Config::decide(CgiOptions::default(), case.environment, nothing).ok();
    let config = config.cloned().or_else(usual)?;
    let virtual_env = case.environment.get_redirected("VIRTUAL_ENV");
    let virtual_env = virtual_env.map(|root| Path::new(OsStr::from_bytes(root)));
    Some(Packages::find(&config, virtual_env, &case.program))
}
