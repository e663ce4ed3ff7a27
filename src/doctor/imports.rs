//! What the script imports at its top, and whether it is there: seen without running anything of the
//! application's, and whatever else is wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::finding::Finding;
use super::typed;
use settings::config::Config;
use settings::python::Packages;

/// A line for each module that is not found, or one for a script that Python does not understand.
const LOOK: &str = "\
import ast, importlib.util, sys
text = open(sys.argv[1], 'rb').read()
sys.path[:1] = sys.argv[2:]
try:
    tree = ast.parse(text)
except (SyntaxError, ValueError) as error:
    print('syntax', getattr(error, 'lineno', 0) or 0, getattr(error, 'msg', error))
    tree = ast.Module([], [])
names = []
for node in tree.body:
    if isinstance(node, ast.Import):
        names += [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        names.append(node.module)
for name in sorted({name.partition('.')[0] for name in names}):
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None:
        print('missing', name)
";

/// Reads the script where its own Python cannot.
const ANOTHER: &str = "/usr/bin/python3";

/// Looks at them. Without the script's own Python the folders of its environment are looked into by another.
pub(super) fn look(
    script: &Path,
    python: Option<&Packages>,
    config: &Config,
    findings: &mut Vec<Finding>,
) {
    let folder = script.parent().unwrap_or(Path::new("/"));
    let executable = python.map_or(Path::new(ANOTHER), Packages::executable);
    let packages = match python {
        Some(_) => Vec::new(),
        None => of_broken_environment(folder, config),
    };
    let said = Command::new(executable)
        .args(["-c", LOOK])
        .args([script, folder])
        .args(config.python_path.iter().chain(&packages))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output();
    let whose = python.map_or_else(|| "its environment".to_owned(), ToString::to_string);
    let Ok(said) = said else {
        return; // said of that Python
    };
    let shown = script.display();
    let text = String::from_utf8_lossy(&said.stdout);
    let before = findings.len();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("missing ") {
            let said =
                format!("`{shown}` imports `{name}`, which is not among the packages of {whose}");
            let remedy = how_to_install(name, python, folder);
            findings.push(Finding::wrong("packages", said).mended_by(remedy));
        } else if let Some(error) = line.strip_prefix("syntax ") {
            let (number, message) = error.split_once(' ').unwrap_or((error, ""));
            let said = format!("line {number} of `{shown}` is no Python: {message}");
            findings.push(Finding::wrong("syntax", said));
        }
    }
    if findings.len() == before && said.status.success() {
        let said = format!("all that `{shown}` imports at its top is there");
        findings.push(Finding::good("packages", said));
    }
}

/// The folders of packages of an environment whose Python is gone.
fn of_broken_environment(folder: &Path, config: &Config) -> Vec<PathBuf> {
    let above = folder.parent().unwrap_or(folder);
    let beside = [
        folder.join(".venv"),
        folder.join("venv"),
        above.join(".venv"),
        above.join("venv"),
    ];
    let roots = config
        .venv
        .clone()
        .map_or_else(|| beside.to_vec(), |venv| vec![venv]);
    let versions = roots.iter().flat_map(|root| fs::read_dir(root.join("lib")));
    let versions = versions.flatten().flatten();
    versions
        .map(|version| version.path().join("site-packages"))
        .collect()
}

/// Names of packages are mostly those of their modules; where they are not, the name is the user's to know.
fn how_to_install(name: &str, python: Option<&Packages>, folder: &Path) -> String {
    let venv = match python {
        Some(Packages::Venv(venv)) => {
            let pip = venv.root.join("bin/python3");
            return format!("{} -m pip install {name}", typed(&pip));
        }
        _ => typed(&folder.join("venv")),
    };
    format!("python3 -m venv {venv} && {venv}/bin/python3 -m pip install {name}")
}
