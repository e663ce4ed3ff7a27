//! What an application rests on goes while it answers: it answers to the end as the one that it was
//! loaded as, and the next request is another's.

use super::Site;
use super::replaced::compile;

/// Changes what it rests on between two blocks of its answer, by what the query says.
const CHANGING: &str = r"
import ctypes, os, shutil, helper, native
library = ctypes.CDLL('./library.so')
ballast = [bytes([n % 251]) * 5000 for n in range(2000)]
def say(): return '%s %s %s %s;' % (helper.NAME, native.VALUE, library.value(), sum(map(len, ballast)))
def application(environ, start_response):
    start_response('200 OK', [])
    yield say().encode()
    exec(environ['QUERY_STRING'])
    # What nobody has touched yet comes from files that are no longer there.
    assert all(line == bytes([n % 251]) * 5000 for n, line in enumerate(ballast))
    import graphlib, tempfile, wsgiref.util
    yield say().encode()
";

const BEFORE: &str = "one 1 1 10000000;one 1 1 10000000;";

fn site() -> Site {
    let site = Site::new(CHANGING);
    std::fs::write(site.file("helper.py"), "NAME = 'one'\n").expect("written");
    std::fs::write(site.file("next.py"), "NAME = 'another'\n").expect("written");
    for name in ["native.so", "library.so"] {
        compile("1", &site.file(name));
    }
    compile("22", &site.file("next.so"));
    site.make();
    assert_eq!(site.restored(), BEFORE);
    site
}

/// A request that has that done while it is answered, by a restored process.
#[track_caller]
fn changes(site: &Site, code: &str) {
    let answer = site.request().variable("QUERY_STRING", code).run();
    assert_eq!(answer.text(), BEFORE);
}

#[test]
fn modules_and_libraries_are_replaced() {
    let site = site();
    changes(&site, "os.replace('next.py', 'helper.py')");
    assert_eq!(site.cold("`"), BEFORE.replace("one", "another"));
    let mut before = BEFORE.replace("one", "another");
    for (library, now) in [
        ("native.so", "another 22 1 10000000;"),
        ("library.so", "another 22 22 10000000;"),
    ] {
        site.settles(&before);
        let code = format!("shutil.copy('next.so', 'new'), os.replace('new', '{library}')");
        site.request().variable("QUERY_STRING", &code).run();
        before = now.repeat(2);
        assert_eq!(site.cold("`"), before);
    }
}

#[test]
fn modules_and_libraries_are_removed() {
    for name in ["helper.py", "native.so", "library.so"] {
        let site = site();
        changes(&site, &format!("os.remove('{name}')"));
        // There is nothing left that could be loaded, and that is said.
        let answer = site
            .request()
            .exits(1)
            .logs("answered without an image")
            .run();
        assert_eq!(answer.status, "500 Internal Server Error", "{name}");
    }
}

#[test]
fn the_script_is_replaced() {
    let site = site();
    let text = std::fs::read_to_string(site.script()).expect("a script");
    let text = text.replace("def say(): return '", "def say(): return 'new ");
    std::fs::write(site.file("next.cgi"), text).expect("written");
    let code = "os.chmod('next.cgi', 0o755), os.replace('next.cgi', 'app.cgi')";
    changes(&site, code);
    assert_eq!(site.cold("`"), BEFORE.replace("one", "new one"));
}

#[test]
fn the_image_is_removed() {
    let site = site();
    changes(&site, "shutil.rmtree('cache')");
    assert_eq!(site.cold("there is no image yet"), BEFORE);
    site.settles(BEFORE);
}
