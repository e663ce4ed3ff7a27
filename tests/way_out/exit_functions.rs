//! What libraries of C have to do at the end of the process. A restored process leaves out what is known to be idle.

use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::kinds::row;
use crate::harness::{folder, skip};
use crate::image::Site;

/// What makes a library of each kind of the same source.
const KINDS: [(&str, &str); 4] = [
    ("idle.so", "ending.c"),
    ("destructor.so", "-DDESTRUCTOR ending.c"),
    ("fini.so", "-Wl,-fini,fini ending.c"),
    // As zig links: with the C library's start files alone.
    (
        "bare.so",
        "-nostartfiles -DBARE -DDESTRUCTOR $(cc -print-file-name=crti.o) ending.c $(cc -print-file-name=crtn.o)",
    ),
];

fn rows(rows: &[(&str, &str)]) {
    static FOLDER: LazyLock<Option<TempDir>> = LazyLock::new(|| {
        let folder = folder();
        fs::write(folder.path().join("ending.c"), include_str!("ending.c")).expect("written");
        let compiled = |(name, words): &(&str, &str)| {
            let done = Command::new("sh")
                .args(["-c", &format!("cc -shared -fPIC -o {name} {words}")])
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

/// What is found there is not what this program puts before it.
#[test]
fn a_function_that_is_registered_in_the_c_library_itself_runs() {
    let call = "ctypes.CDLL('libc.so.6').on_exit(library('idle.so').exported, None)";
    rows(&[(call, "pass"), ("", call)]);
}

/// It holds the lock of its stream for ever.
#[test]
fn a_thread_that_reads_a_stream_of_c_is_not_waited_for() {
    let site = Site::new(
        "import ctypes, os, threading\nlibrary = ctypes.CDLL(None)\n\
         library.fdopen.restype = ctypes.c_void_p\nlibrary.fgetc.argtypes = [ctypes.c_void_p]\n\
         def application(environ, start_response):\n    \
         stream = library.fdopen(os.pipe()[0], b'r')\n    \
         threading.Thread(target=library.fgetc, args=(stream,), daemon=True).start()\n    \
         start_response('200 OK', [])\n    return [b'answered']\n",
    );
    site.make();
    assert_eq!(site.restored(), "answered");
}

#[test]
fn a_function_of_the_librarys_file_runs() {
    for name in ["destructor.so", "fini.so", "bare.so"] {
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
