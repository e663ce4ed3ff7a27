//! `wsgi_cgi.check`, as a test in Python calls it.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::python;
use crate::in_python::package;
use crate::readme::block;

const HELLO: &str = "def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'hello']
";

/// Runs it beside `cart.py`, and gives what it printed.
#[track_caller]
fn prints(package: &TempDir, cart: &str, text: &str) -> String {
    fs::write(package.path().join("cart.py"), cart).expect("written");
    let done = Command::new(python())
        .args(["-c", text])
        .env_clear()
        .current_dir(package.path())
        .output()
        .expect("started");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    String::from_utf8(done.stdout).expect("text")
}

#[test]
fn the_test_of_readme_passes_and_fails() {
    let package = package();
    let text = format!(
        "{}\ntry: test_it_is_correct_wsgi()\nexcept AssertionError: print('failed')\n",
        block("pytest", 0)
    );
    assert_eq!(prints(&package, HELLO, &text), "");
    let wrong = HELLO.replace("b'hello'", "'hello'");
    assert_eq!(prints(&package, &wrong, &text), "failed\n");
}

#[test]
fn a_finding_has_the_same_parts_as_a_printed_line() {
    let wrong = HELLO.replace("b'hello'", "'hello'");
    let text = "import wsgi_cgi, cart
[one] = wsgi_cgi.check(cart.application)
print(one.rule, one.section, one.severity, one.where, one.request, one.message, one.times, sep='\\n')
print(str(one), repr(one), sep='\\n')
print(isinstance(one, wsgi_cgi.Finding), one == one, len({one}))
try: one.rule = ''
except AttributeError: print('frozen')
print([found.rule for found in wsgi_cgi.check(cart.application, notes=True)])
print(wsgi_cgi.check(cart.application, ignore=['item-not-bytes']))
";
    let line = "error    item-not-bytes  PEP 3333 \"Specification Details\"  cart.py:1  GET /: the iterable \
                yielded 'hello' instead of bytes (and in 14 other requests)";
    assert_eq!(
        prints(&package(), &wrong, text),
        format!(
            "item-not-bytes\nPEP 3333 \"Specification Details\"\nerror\ncart.py:1\nGET /\n\
             the iterable yielded 'hello' instead of bytes\n15\n{line}\n<Finding {line}>\nTrue True 1\nfrozen\n\
             ['item-not-bytes', 'head-with-content']\n[]\n"
        )
    );
}

#[test]
fn what_is_wrong_with_the_call_is_raised() {
    let text = "import wsgi_cgi, cart
print(wsgi_cgi.check(5)[0].rule)
open('bad.json', 'w').write('{')
for named in [{'ignore': ['x']}, {'urls': ['ftp://a']}, {'openapi': 'bad.json'}, {'urls': '/'}]:
    try: wsgi_cgi.check(cart.application, **named)
    except (TypeError, ValueError) as error: print(type(error).__name__)
";
    assert_eq!(
        prints(&package(), HELLO, text),
        "not-callable\nValueError\nValueError\nValueError\nTypeError\n"
    );
}

/// The process of the test is what it was, and what surrounds a request is what the test gives.
#[test]
fn the_process_of_the_test_is_not_changed() {
    let cart = "import os, sys
def application(environ, start_response):
    assert environ['OWN'] == 'own' and 'HOME' not in environ
    print('printed')
    os.chdir('/')
    start_response('204 No Content', [])
    return []
";
    let text = "import os, sys, wsgi_cgi, cart
before = sys.stdin, sys.stdout, sys.stderr, os.getcwd()
found = wsgi_cgi.check(cart.application, environ={'OWN': 'own'}, safe=True)
print(before == (sys.stdin, sys.stdout, sys.stderr, os.getcwd()))
print([one.rule + ' ' + one.where for one in found])
try:
    def stopped(environ, start_response): raise KeyboardInterrupt
    wsgi_cgi.check(stopped)
except KeyboardInterrupt: print(before[:3] == (sys.stdin, sys.stdout, sys.stderr))
";
    let said = prints(&package(), cart, text).replace("printed\n", "");
    assert_eq!(
        said,
        "True\n['prints-to-stdout cart.py:4', 'directory-changed cart.py:2']\nTrue\n"
    );
}
