//! The archive of sources (sdist), from which pip builds on a machine with cargo.

use std::path::Path;
use std::process::Command;

use super::{Venv, answers, build, builder, is_a_module_of, wheel};
use crate::harness::folder;

const MAKE: &str = "import sys, wheel; print(wheel.build_sdist(sys.argv[1]), end='')";

#[test]
fn pip_builds_from_it_what_it_builds_here() {
    let (Some(builder), Some(here)) = (builder(), wheel()) else {
        return;
    };
    let folder = folder();
    let path = std::env::var("PATH").unwrap_or_default();
    let made = Command::new(builder.python())
        .args(["-c", MAKE])
        .arg(folder.path())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env(
            "PATH",
            format!("{}:{path}", builder.0.join("bin").display()),
        )
        .env(
            "PYTHONPATH",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/pip"),
        )
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python");
    assert!(made.status.success(), "{made:?}");
    // Maturin says what it does before.
    let said = String::from_utf8(made.stdout).expect("text");
    let name = said.lines().last().unwrap_or_default();
    assert_eq!(
        name,
        format!("wsgi_cgi-{}.tar.gz", env!("CARGO_PKG_VERSION"))
    );
    // Quicker to build than what is installed; in a folder of its own, as cargo goes by the times of files.
    let target = folder.path().join("target").display().to_string();
    let quick = [
        ("CARGO_TARGET_DIR", target.as_str()),
        ("CARGO_PROFILE_RELEASE_LTO", "off"),
        ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ];
    let sources = folder.path().join(name);
    let built = build(sources.as_os_str(), &folder.path().join("built"), &quick);
    assert_eq!(built.file_name(), here.file_name());
    let venv = Venv::new(folder.path().join("venv"), &[]);
    venv.install(&built);
    answers(&venv.program(), &venv.0);
    is_a_module_of(&venv.python(), &[]);
}
