//! What libraries of C have to do at the end of the process. A restored process leaves out what is known to be idle.

use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::kinds::row;
use crate::harness::{folder, skip};

/// What makes a library of each kind of the same source.
const KINDS: [(&str, &[&str]); 3] = [
    ("idle.so", &[]),
    ("destructor.so", &["-DDESTRUCTOR"]),
    ("fini.so", &["-Wl,-fini,fini"]),
];

fn rows(rows: &[(&str, &str)]) {
    static FOLDER: LazyLock<Option<TempDir>> = LazyLock::new(|| {
        let folder = folder();
        fs::write(folder.path().join("ending.c"), include_str!("ending.c")).expect("written");
        let compiled = |(name, options): &(&str, &[&str])| {
            let done = Command::new("cc")
                .args(["-shared", "-fPIC", "ending.c", "-o", name])
                .args(*options)
                .current_dir(folder.path())
                .status();
            done.is_ok_and(|done| done.success())
        };
        KINDS.iter().all(compiled).then_some(folder)
    });
    let Some(folder) = &*FOLDER else {
        return skip("there is no C compiler");
    };
    for (loading, request) in rows {
        let load = format!(
            "import ctypes\ndef library(name):\n    return ctypes.CDLL({:?} + '/' + name)\n{loading}",
            folder.path().display().to_string()
        );
        row(&load, request);
    }
}

#[test]
fn a_function_of_a_library_that_is_registered_runs() {
    for register in ["by_atexit", "by_on_exit", "by_thread"] {
        let call = format!("library('idle.so').{register}()");
        rows(&[(&call, "pass"), ("", &call)]);
        rows(&[("idle = library('idle.so')", &format!("idle.{register}()"))]);
    }
}

#[test]
fn a_function_of_the_librarys_file_runs() {
    for name in ["destructor.so", "fini.so"] {
        let load = format!("library('{name}')");
        rows(&[(&load, "pass"), ("", &load)]);
    }
}

#[test]
fn a_stream_of_c_is_flushed() {
    rows(&[
        ("", "library('idle.so').by_stream()"),
        ("idle = library('idle.so')", "idle.by_stream()"),
    ]);
}
