//! Links the program with the libpython of one interpreter and remembers which one that was.
//!
//! Which interpreter is pyo3's choice (`PYO3_PYTHON`, see `.cargo/config.toml`). Here its library
//! is looked for before the linker fails for want of it, the run path is set, and what the program
//! must know of that Python at run time is handed on as compile-time environment variables.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=PYO3_PYTHON");
    pyo3_build_config::use_pyo3_cfgs();
    let config = pyo3_build_config::get();
    let executable = config.executable().unwrap_or("python3");

    let Some(library) = config.lib_name().filter(|_| config.shared()) else {
        return fail(&format!(
            "`{executable}` was built without a shared libpython: install one that has it \
             (Debian: `apt install python3-dev`) and name it with PYO3_PYTHON=/path/to/python3"
        ));
    };
    if !can_link(library, config.lib_dir()) {
        return fail(&format!(
            "lib{library}.so, which `{executable}` needs to be embedded, is not installed: add the \
             development package (Debian and Ubuntu: `apt install python3-dev`; Fedora: `dnf \
             install python3-devel`) or name another interpreter with PYO3_PYTHON=/path/to/python3"
        ));
    }
    pyo3_build_config::add_libpython_rpath_link_args();

    let facts = config.run_python_script(
        "import sys; print(getattr(sys, '_base_executable', None) or sys.executable); \
         print(sys.base_prefix)",
    );
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return fail(&format!("`{executable}` does not run: {error}")),
    };
    let mut facts = facts.lines();
    let version = config.target_abi().version();
    println!("cargo:rustc-env=WSGI_CGI_LINKED_VERSION={version}");
    println!(
        "cargo:rustc-env=WSGI_CGI_LINKED_EXECUTABLE={}",
        facts.next().unwrap_or(executable)
    );
    println!(
        "cargo:rustc-env=WSGI_CGI_LINKED_PREFIX={}",
        facts.next().unwrap_or_default()
    );
}

/// Whether the linker would find the shared library, asked of the C compiler that drives it.
fn can_link(library: &str, lib_dir: Option<&str>) -> bool {
    let file = format!("lib{library}.so");
    if lib_dir.is_some_and(|dir| Path::new(dir).join(&file).exists()) {
        return true;
    }
    let answer = Command::new("cc")
        .arg(format!("-print-file-name={file}"))
        .output();
    // The compiler prints the bare name back when it found nothing.
    answer.is_ok_and(|out| {
        let path = PathBuf::from(String::from_utf8_lossy(&out.stdout).trim());
        path.is_absolute() && path.exists()
    })
}

fn fail(sentence: &str) {
    println!("cargo::error={sentence}");
}
