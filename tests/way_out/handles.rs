//! Objects of types of C, which do something when they are let go and say so nowhere.

use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::kinds::row;
use crate::harness::cgi::Cgi;
use crate::harness::{folder, skip};

/// The folder with the module, compiled, as Python writes it; none without a compiler.
pub(crate) fn module() -> Option<String> {
    static MODULE: LazyLock<Option<TempDir>> = LazyLock::new(|| {
        let folder = folder();
        fs::write(folder.path().join("handle.c"), include_str!("handle.c")).expect("written");
        let done = Command::new("cc")
            .args(["-shared", "-fPIC", "-o", "handle.so", "handle.c"])
            .current_dir(folder.path())
            .status();
        done.is_ok_and(|done| done.success()).then_some(folder)
    });
    let path = MODULE.as_ref().map(TempDir::path);
    if path.is_none() {
        skip("there is no C compiler");
    }
    path.map(|path| format!("{:?}", path.display().to_string()))
}

fn rows(rows: &[(&str, &str)]) {
    let Some(folder) = module() else { return };
    for (loading, request) in rows {
        let import = format!("sys.path.append({folder})\nimport handle\n{loading}");
        row(&import, request);
    }
}

#[test]
fn a_handle_that_the_request_made_is_closed() {
    rows(&[
        ("", "kept.append(handle.Handle())"),
        ("", "kept.append({'a': (handle.Handle(),)})"),
        (
            "class Own:\n    pass",
            "kept.append(Own())\nkept[0].handle = handle.Handle()",
        ),
        ("", "handle.kept = handle.Handle()"),
    ]);
}

#[test]
fn a_handle_that_a_module_names_is_closed_whoever_made_it() {
    rows(&[("handle.kept = handle.Handle()", "pass")]);
}

/// What loading made has a descriptor, if it has to write yet.
#[test]
fn a_handle_with_an_open_file_is_closed_whoever_made_it() {
    rows(&[
        ("kept.append(handle.Open())", "pass"),
        ("", "kept.append(handle.Open())"),
    ]);
}

#[test]
fn the_reason_for_finalizing_python_can_be_logged() {
    let Some(folder) = module() else { return };
    let text = format!(
        "import sys\nsys.path.append({folder})\nimport handle\nkept = []\n\
         def application(environ, start_response):\n    kept.append(handle.Handle())\n    \
         start_response('200 OK', [])\n    return [b'']\n"
    );
    let said = "Python is shut down completely after this request, which takes longer, because an object of the C type `handle.Handle`";
    Cgi::source(&text).option("--debug").logs(said).run();
    Cgi::source(&text).run();
}

/// Taking all of it apart costs several times what most answers do.
#[test]
fn python_is_not_finalized_for_objects_that_only_hold_memory() {
    let text = "import decimal, json, xml.etree.ElementTree as tree, zlib\nkept = []\n\
        class Last:\n    def __del__(self): print('last')\n\
        def application(environ, start_response):\n    \
        kept.append([tree.fromstring('<a/>'), decimal.Decimal(1), zlib.compressobj(), Last()])\n    \
        start_response('200 OK', [])\n    return [b'']\n";
    let answer = Cgi::source(text).option("--debug").logs("last").run();
    assert!(
        !answer.log.contains("Python is shut down completely"),
        "{}",
        answer.log
    );
}
