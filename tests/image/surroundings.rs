//! The environment: what loading made of it stays, what a request brings is its own.

use super::{HELLO, Site, eventually};

fn answering_later(before: &str, expression: &str) -> Site {
    Site::new(&format!(
        "import os, sys, time\n{before}\ndef application(environ, start_response):\n    \
         start_response('200 OK', [])\n    return [repr({expression}).encode()]\n"
    ))
}

fn answering(before: &str, expression: &str) -> Site {
    let site = answering_later(before, expression);
    site.make();
    site
}

#[test]
fn what_loading_changed_stays_changed() {
    let site = answering_later(
        "os.environ.setdefault('SETTINGS', 'mysite')\nos.environ['TZ'] = 'ABC+3'\ntime.tzset()\n\
         del os.environ['SECRET']",
        "(os.environ.get('SETTINGS'), time.strftime('%Z'), os.environ.get('SECRET'), \
         os.popen('echo $SETTINGS').read(), os.environ['PATH_INFO'])",
    );
    let first = site.request().variable("SECRET", "x").logs_anything().run();
    let expected = "('mysite', 'ABC', None, 'mysite\\n', '/')";
    assert_eq!(first.text(), expected);
    eventually("an image", || {
        let answer = site.request().variable("SECRET", "x").logs_anything().run();
        assert_eq!(answer.text(), expected);
        answer.log.is_empty()
    });
}

#[test]
fn a_clients_proxy_header_is_not_a_setting() {
    let site = answering(
        "",
        "(os.environ.get('HTTP_PROXY'), os.getenv('HTTP_PROXY'))",
    );
    let request = site.request().variable("HTTP_PROXY", "http://evil");
    assert_eq!(request.run().text(), "(None, None)");
    let site = answering("", "os.popen('echo \"$HTTP_PROXY\"').read()");
    let request = site.request().variable("HTTP_PROXY", "http://evil");
    assert_eq!(request.run().text(), "'\\n'");
}

#[test]
fn a_new_variable_for_an_application_that_lists_them_all() {
    let site = answering(
        "seen = [n for n in os.environ if n.startswith('MY_')]",
        "seen",
    );
    assert_eq!(site.restored(), "[]");
    // A request's own make no difference.
    let request = site
        .request()
        .variable("HTTP_X", "x")
        .variable("REMOTE_USER", "x");
    assert_eq!(request.run().text(), "[]");
    let answer = site.request().variable("MY_NAME", "x");
    let answer = answer
        .logs("environment variables were added or removed")
        .run();
    assert_eq!(answer.text(), "['MY_NAME']");
}

#[test]
fn a_variable_that_comes_and_goes_does_not_cause_endless_making_of_images() {
    let site = Site::new(&format!(
        "import os\nmode = os.environ.get('MODE')\n{HELLO}"
    ));
    site.make();
    let image = || {
        std::fs::metadata(site.image())
            .expect("an image")
            .modified()
    };
    let made = image().expect("a time");
    for _ in 0..3 {
        let answer = site.request().variable("MODE", "x");
        assert_eq!(answer.logs("the variable MODE").run().text(), "cold");
        assert_eq!(site.restored(), "restored");
    }
    assert_eq!(image().expect("a time"), made);
}

/// The log names a limit that differs, with both values.
#[test]
fn an_inherited_limit_that_differs_is_named() {
    let site = answering(
        "import resource\nlimit = resource.getrlimit(resource.RLIMIT_NOFILE)",
        "1",
    );
    let request = site.request().program("sh");
    request
        .arguments(&["-c", "ulimit -S -n 200; exec ./app.cgi"])
        .logs("the limit RLIMIT_NOFILE is 200 (hard limit ")
        .run();
}
