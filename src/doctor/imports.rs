//! Whether the modules exist that the script imports before it does anything else. Only its text is read;
//! nothing of the application is run. Later imports may depend on a path that the script sets.

use std::fs;
use std::path::Path;

use super::finding::Finding;
use super::{Case, typed};
use settings::config::Config;
use settings::python::{Packages, packages_of_broken};

/// Prints a line for each module that is not found, or one for a syntax error. Nothing is imported from the
/// working directory.
const LOOK: &str = "\
import sys
sys.path[:1] = []
import ast, importlib.util
try:
    tree = ast.parse(open(sys.argv[1], 'rb').read())
except (SyntaxError, ValueError) as error:
    print('syntax', getattr(error, 'lineno', 0) or 0, getattr(error, 'msg', error))
    tree = ast.Module([], [])
sys.path[:0] = sys.argv[2:]
for node in tree.body:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [] if node.level else [node.module]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        names = []
    else:
        break
    for name in names:
        name = name.partition('.')[0]
        try:
            found = name in sys.modules or importlib.util.find_spec(name)
        except (ImportError, ValueError):
            found = None
        if not found:
            print('missing', name)
";

/// Reads the script where its own Python does not work.
const ANOTHER: &str = "/usr/bin/python3";

/// Looks at them. Where the script's own Python does not work, another one looks into the folders of its
/// environment.
pub(super) fn look(
    script: &Path,
    python: Option<&Packages>,
    config: Option<&Config>,
    case: &Case,
    findings: &mut Vec<Finding>,
) {
    let folder = script.parent().unwrap_or(Path::new("/"));
    let real = fs::canonicalize(script).ok();
    let real = real.as_deref().and_then(Path::parent);
    let executable = python.map_or(Path::new(ANOTHER), Packages::executable);
    let packages = match python {
        Some(_) => Vec::new(),
        None => config.map(packages_of_broken).unwrap_or_default(),
    };
    let further = config.into_iter().flat_map(|config| &config.python_path);
    let mut command = case.command(executable);
    command
        .args(["-c", LOOK])
        .args([script, folder])
        .args(real)
        .args(further.chain(&packages))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let Ok(said) = case.run(command) else {
        return; // `python` has reported that already.
    };
    let name = script.display();
    let whose = python.map_or_else(|| "its virtual environment".to_owned(), ToString::to_string);
    for line in String::from_utf8_lossy(&said.output).lines() {
        if let Some(module) = line.strip_prefix("missing ") {
            let said = format!(
                "`{name}` imports `{module}`, which is neither beside it nor among the packages of {whose}"
            );
            let finding = Finding::wrong("packages", said);
            findings.push(finding.mended_by(how_to_install(module, python, folder)));
        } else if let Some(error) = line.strip_prefix("syntax ") {
            let (number, message) = error.split_once(' ').unwrap_or((error, ""));
            let said = format!("syntax error in line {number} of `{name}`: {message}");
            findings.push(Finding::wrong("syntax", said));
        }
    }
}

/// Does not name the package: it may be called differently from its module, and another project's package may
/// have the module's name.
fn how_to_install(module: &str, python: Option<&Packages>, folder: &Path) -> String {
    let python = match python {
        Some(Packages::Venv(venv)) => typed(&venv.executable),
        _ => format!("{}/bin/python3", typed(&folder.join("venv"))),
    };
    format!(
        "put `{module}.py` beside the script, or install the package that has this module: \
         {python} -m pip install PACKAGE"
    )
}
