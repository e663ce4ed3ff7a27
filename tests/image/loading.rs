//! What changes while the maker of an image loads the application: nobody can tell what it has seen,
//! and no image is used that has seen the old.

use super::replaced::compile;
use super::{Site, eventually};

/// A site whose maker waits, once it has loaded everything, until it is let go.
fn site() -> Site {
    let site = Site::new(
        r"
import ctypes, os, time
def text(open):
    try: return open()
    except (ImportError, OSError): return 'none'
def module():
    import helper
    return helper.NAME
seen = [text(module), text(lambda: open('setting').read()), text(lambda: open('absent').read()),
        text(lambda: ctypes.CDLL('./library.so').value())]
if b'\0load\0' in open('/proc/self/cmdline', 'rb').read() and not os.path.exists('let-go'):
    open('waiting', 'w').close()
    for _ in range(6000):
        if os.path.exists('let-go') or not os.path.exists('waiting'): break
        time.sleep(0.005)
def application(environ, start_response):
    start_response('200 OK', [])
    return [' '.join(map(str, seen)).encode()]
",
    );
    std::fs::write(site.file("helper.py"), "NAME = 'one'\n").expect("written");
    std::fs::write(site.file("setting"), "blue").expect("written");
    compile("1", &site.file("library.so"));
    assert_eq!(site.cold("there is no image yet"), "one blue none 1");
    eventually("a maker that waits", || site.file("waiting").is_file());
    site
}

/// What is done meanwhile is in every answer from then on.
#[track_caller]
fn is_seen(change: impl FnOnce(&Site), text: &str) {
    let site = site();
    change(&site);
    assert_eq!(site.cold(""), text);
    std::fs::write(site.file("let-go"), "").expect("written");
    site.settles(text);
}

#[test]
fn a_file_is_changed() {
    let write = |name: &'static str, text: &'static str| {
        move |site: &Site| std::fs::write(site.file(name), text).expect("written")
    };
    is_seen(write("setting", "pink"), "one pink none 1");
    is_seen(
        write("helper.py", "NAME = 'another'\n"),
        "another blue none 1",
    );
    is_seen(write("absent", "there"), "one blue there 1");
}

#[test]
fn a_file_is_removed() {
    let remove = |name: &'static str| {
        move |site: &Site| std::fs::remove_file(site.file(name)).expect("removed")
    };
    is_seen(remove("setting"), "one none none 1");
    is_seen(remove("helper.py"), "none blue none 1");
    is_seen(remove("library.so"), "one blue none none");
}

#[test]
fn a_library_is_replaced() {
    let replace = |site: &Site| {
        compile("22", &site.file("new.so"));
        std::fs::rename(site.file("new.so"), site.file("library.so")).expect("moved");
    };
    is_seen(replace, "one blue none 22");
}

#[test]
fn an_unfinished_image_is_removed() {
    let site = site();
    assert!(site.command(&["drop", "app.cgi"]).status.success());
    std::fs::remove_dir_all(site.cache()).expect("removed");
    assert_eq!(site.cold("there is no image yet"), "one blue none 1");
    std::fs::write(site.file("let-go"), "").expect("written");
    site.settles("one blue none 1");
}
