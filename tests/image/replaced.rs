//! Each kind of file that code comes from, replaced, touched or removed between two requests: the
//! very next one knows.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use super::Site;

/// Answers with what each file says; one that is not there says `none`.
const READER: &str = r"
import ctypes, importlib.util
try: from helper import NAME as helper
except ImportError: helper = 'none'
try: from native import VALUE as native
except ImportError: native = 'none'
try: library = ctypes.CDLL('./library.so').value()
except OSError: library = 'none'
try:
    spec = importlib.util.spec_from_file_location('part', 'pages/part.py')
    part = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(part)
    part = part.NAME
except OSError: part = 'none'
text = ' '.join(map(str, (helper, part, native, library)))
def application(environ, start_response):
    start_response('200 OK', [])
    return [text.encode()]
";

/// An extension module or a library whose value is that. Python's headers need not be there: the
/// structure is the same in all versions.
const LIBRARY: &str = r#"
extern void *PyModule_Create2(void *, int);
extern int PyModule_AddIntConstant(void *, const char *, long);
static struct {
    struct { long count; void *type, *init; long index; void *copy; } base;
    const char *name, *text;
    long size;
    void *rest[5];
} module = {{1}, "native", 0, -1};
int value(void) { return VALUE; }
void *PyInit_native(void) {
    void *made = PyModule_Create2(&module, 1013);
    if (made) PyModule_AddIntConstant(made, "VALUE", VALUE);
    return made;
}
"#;

/// Compiles it to a file.
pub(super) fn compile(value: &str, to: &Path) {
    let source = to.with_extension("c");
    std::fs::write(&source, LIBRARY).expect("written");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(to)
        .arg(format!("-DVALUE={value}"))
        .arg(&source)
        .status();
    assert!(compiled.expect("a C compiler").success());
    std::fs::remove_file(source).expect("removed");
}

fn site() -> Site {
    let site = Site::new(READER);
    std::fs::create_dir(site.file("pages")).expect("a folder");
    for name in ["helper.py", "pages/part.py"] {
        std::fs::write(site.file(name), "NAME = 'one'\n").expect("written");
    }
    compile("1", &site.file("native.so"));
    compile("1", &site.file("library.so"));
    site.make();
    assert_eq!(site.restored(), "one one 1 1");
    site
}

/// Answers are these from now on, first by the cold program and then from another image.
#[track_caller]
fn is_seen(site: &Site, text: &str) {
    assert_eq!(site.cold(""), text);
    site.settles(text);
}

/// Each change of a file, of which there is a new version.
fn each_change(name: &str, new: &Path, changed: &str, removed: &str) {
    let site = site();
    let file = site.file(name);
    let handle = std::fs::File::options().append(true).open(&file);
    let touched = handle.and_then(|handle| handle.set_modified(SystemTime::now()));
    touched.expect("a time set");
    is_seen(&site, "one one 1 1");
    // As a deployment does it: under another name first.
    let beside = file.with_extension("next");
    std::fs::copy(new, &beside).expect("copied");
    std::fs::rename(&beside, &file).expect("moved");
    is_seen(&site, changed);
    std::fs::remove_file(&file).expect("removed");
    is_seen(&site, removed);
}

/// A new version of a source file.
fn source() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    // Python takes a source of the same second and length for the one that it has compiled.
    std::fs::write(&file, "NAME = 'another'\n").expect("written");
    file
}

#[test]
fn an_imported_module() {
    each_change(
        "helper.py",
        source().path(),
        "another one 1 1",
        "none one 1 1",
    );
}

#[test]
fn a_module_in_a_folder_of_templates() {
    each_change(
        "pages/part.py",
        source().path(),
        "one another 1 1",
        "one none 1 1",
    );
}

#[test]
fn an_extension_module() {
    let new = crate::harness::folder();
    let new = (new.path().join("new.so"), new);
    compile("22", &new.0);
    each_change("native.so", &new.0, "one one 22 1", "one one none 1");
}

#[test]
fn a_library_that_is_mapped() {
    let new = crate::harness::folder();
    let new = (new.path().join("new.so"), new);
    compile("22", &new.0);
    each_change("library.so", &new.0, "one one 1 22", "one one 1 none");
}

#[test]
fn the_script_is_touched_removed_and_restored() {
    let site = site();
    let (script, away) = (site.script(), site.file("away"));
    std::fs::rename(&script, &away).expect("moved");
    // As a server with an interpreter setting starts it, which does not look for the script.
    let by_interpreter = || {
        let program = super::programs().join("wsgi-cgi");
        let request = site.request().program(program).argument("--image");
        request.argument(&script)
    };
    let answer = by_interpreter()
        .exits(1)
        .logs("answered without an image")
        .run();
    assert_eq!(answer.status, "500 Internal Server Error");
    std::fs::rename(&away, &script).expect("moved");
    is_seen(&site, "one one 1 1");
    let touched = std::fs::File::open(&script);
    let touched = touched.and_then(|file| file.set_modified(SystemTime::now()));
    touched.expect("a time set");
    is_seen(&site, "one one 1 1");
}
