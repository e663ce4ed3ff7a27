//! Whether the script, and the packages of its virtual environment, are for the Python that would run them: what each
//! says itself (`requires-python` in the script's block, `Requires-Python` in a package's metadata).

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::{Case, typed};
use settings::options::requires_python;
use settings::python::{Packages, Venv};
use settings::version_specifier::allows;

/// Looks at both. An application may work with another Python all the same: nothing is called wrong.
pub(super) fn look(case: &Case, packages: &Packages, version: &str, findings: &mut Vec<Finding>) {
    let numbers = version.split('.').map_while(|number| number.parse().ok());
    let numbers: Vec<u64> = numbers.collect();
    if let Some(script) = case.script
        && let Some(wanted) = requires_python(script)
        && !allows(&wanted, &numbers)
    {
        let said = format!(
            "`{}` is for Python {wanted} (requires-python), but runs with {version}",
            script.display()
        );
        let remedy = "name a Python of that version, or its virtual environment, in the script: \
                      # venv = \"FOLDER\"";
        findings.push(Finding::note("requires", said).mended_by(remedy));
    }
    if let (Packages::Venv(venv), [major, minor, ..]) = (packages, &numbers[..]) {
        of_environment(
            venv,
            &format!("python{major}.{minor}"),
            &numbers,
            version,
            findings,
        );
    }
}

fn of_environment(
    venv: &Venv,
    name: &str,
    numbers: &[u64],
    version: &str,
    findings: &mut Vec<Finding>,
) {
    let (shown, python) = (venv.root.display(), typed(&venv.executable));
    let others = others_with_packages(venv, name);
    if !venv.root.join("lib").join(name).exists() && !others.is_empty() {
        let said = format!(
            "`{shown}` has packages for Python {}, and none for its Python, which is {version} now",
            others.join(", ")
        );
        let remedy = format!(
            "python3 -m venv --clear {}, then install its packages again",
            typed(&venv.root)
        );
        findings.push(Finding::note("requires", said).mended_by(remedy));
    }
    for metadata in metadata_in(&venv.root.join("lib").join(name).join("site-packages")) {
        let Some((package, wanted)) = requirement(&metadata) else {
            continue;
        };
        if !allows(&wanted, numbers) {
            let said = format!(
                "the package `{package}` of `{shown}` is for Python {wanted}, but runs with {version}"
            );
            let remedy = format!("{python} -m pip install --upgrade {package}");
            findings.push(Finding::note("requires", said).mended_by(remedy));
        }
    }
}

/// Other versions of Python for which the environment has packages.
fn others_with_packages(venv: &Venv, name: &str) -> Vec<String> {
    let entries = fs::read_dir(venv.root.join("lib"))
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| !metadata_in(&entry.path().join("site-packages")).is_empty())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|other| other != name)
        .filter_map(|other| other.strip_prefix("python").map(str::to_owned))
        .collect();
    names.sort_unstable();
    names
}

/// The metadata of each package, in order.
fn metadata_in(packages: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(packages).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path());
    let mut files: Vec<PathBuf> = folders
        .filter(|folder| folder.extension() == Some("dist-info".as_ref()))
        .map(|folder| folder.join("METADATA"))
        .collect();
    files.sort_unstable();
    files
}

/// A package's name and the Python that it is for, from the head of its metadata.
fn requirement(metadata: &Path) -> Option<(String, String)> {
    let (mut name, mut wanted) = (None, None);
    let lines = BufReader::new(File::open(metadata).ok()?).lines();
    // An empty line ends the head; a line that is not UTF-8 ends the reading.
    for line in lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
    {
        match line.split_once(": ") {
            Some(("Name", value)) => name = Some(value.trim().to_owned()),
            Some(("Requires-Python", value)) => wanted = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    name.zip(wanted)
}
