//! The Python that a script and the packages beside it are for, and another one that runs them.

use std::fs;
use std::process::Command;

use super::Site;
use crate::harness::{python, python_version};

/// What is said of it, with the remedies.
fn said(site: &Site) -> Vec<String> {
    let done = site.doctor(&[]);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(
        site.wrong(),
        Vec::<String>::new(),
        "it works all the same: {text}"
    );
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("note   requires "));
    let said = pairs.map(|pair| format!("{} {}", pair[0][15..].trim(), pair[1].trim()));
    said.collect()
}

#[test]
fn a_script_for_another_python() {
    for (wanted, is_met) in [
        (">=3.9", true),
        ("~=3.9, !=3.0.*", true),
        (">=3.90", false),
        ("<3", false),
    ] {
        let site = Site::new();
        let line = format!("# requires-python = \"{wanted}\"\n# [tool");
        site.write(|text| text.replacen("# [tool", &line, 1));
        let said = said(&site);
        assert_eq!(said.is_empty(), is_met, "{wanted}: {said:?}");
        if !is_met {
            let expected =
                format!("app.cgi` is for Python {wanted} (requires-python), but runs with 3.");
            assert!(said[0].contains(&expected), "{said:?}");
            assert!(
                said[0].contains("-> name a Python of that version"),
                "{said:?}"
            );
        }
    }
}

/// A site with an environment that has a package `shelf` for these versions.
fn with_package(wanted: &str) -> (Site, String) {
    let site = Site::new();
    let venv = site.root.path().join("site/.venv");
    let made = Command::new(python())
        .args(["-m", "venv", "--without-pip"])
        .arg(&venv)
        .status();
    assert!(made.expect("Python runs").success());
    let name = Command::new(venv.join("bin/python3"))
        .args([
            "-c",
            "import sys; print('python%d.%d' % sys.version_info[:2])",
        ])
        .output();
    let name = String::from_utf8(name.expect("it runs").stdout).expect("text");
    let folder = venv
        .join("lib")
        .join(name.trim())
        .join("site-packages/shelf-1.dist-info");
    fs::create_dir(&folder).expect("made");
    let metadata = format!(
        "Metadata-Version: 2.1\nName: shelf\nRequires-Python: {wanted}\n\nRequires-Python: <1\n"
    );
    fs::write(folder.join("METADATA"), metadata).expect("written");
    (site, name.trim().to_owned())
}

#[test]
fn a_package_for_another_python() {
    let (site, _) = with_package(">=3.9");
    assert_eq!(said(&site), Vec::<String>::new());
    let (site, _) = with_package(">=3.9,<3.10.*");
    assert_eq!(
        said(&site),
        Vec::<String>::new(),
        "what is not a specifier is not judged"
    );
    let (site, _) = with_package(">=3.90");
    let said = said(&site);
    let venv = site.root.path().join("site/.venv");
    let expected = format!(
        "the package `shelf` of `{}` is for Python >=3.90, but runs with 3.",
        venv.display()
    );
    assert!(said[0].starts_with(&expected), "{said:?}");
    let remedy = format!(
        " -> {}/bin/python3 -m pip install --upgrade shelf",
        venv.display()
    );
    assert!(said[0].ends_with(&remedy), "{said:?}");
}

/// The system's Python was upgraded, and the environment's link leads to the new one.
#[test]
fn packages_of_the_python_before_an_upgrade() {
    let (site, name) = with_package(">=3.9");
    let lib = site.root.path().join("site/.venv/lib");
    fs::rename(lib.join(&name), lib.join("python3.8")).expect("moved");
    let said = said(&site);
    let now = format!(
        "has packages for Python 3.8, and none for its Python, which is {}",
        python_version()
    );
    assert!(
        said[0].contains(&now) && said[0].contains("-> python3 -m venv --clear "),
        "{said:?}"
    );
}
