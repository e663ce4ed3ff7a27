//! The warm-up: what it builds is in the image, it has no word of a visitor's, and what it costs an image the
//! image is made without.

use super::Site;

/// Tells which paths the application was asked for before, and by whom.
const TELLING: &str = "import os
seen = []
def application(environ, start_response):
    answer = repr(seen)
    seen.append((environ['PATH_INFO'], environ['QUERY_STRING'], environ.get('wsgi_cgi.warm_up'),
                 environ.get('HTTP_USER_AGENT'), environ.get('HTTP_COOKIE')))
    start_response('200 OK', [])
    return [answer.encode()]
";

#[track_caller]
fn told(site: &Site) -> String {
    site.make();
    site.restored()
}

#[test]
fn several_paths_are_asked_for_once_each() {
    let asked =
        |path: &str, query: &str| format!("('{path}', '{query}', '1', 'wsgi-cgi (warm-up)', None)");
    let both = format!("[{}, {}]", asked("/", ""), asked("/wiki", "q=a"));
    let site = Site::with_options("--warm-up / --warm-up=/wiki?q=a", TELLING);
    assert_eq!(told(&site), both);
    assert_eq!(site.restored(), both, "a request is none of them");
    let metadata = "# /// script\n# [tool.wsgi-cgi]\n# warm-up = [\"/\", \"/wiki?q=a\"]\n# ///\n";
    assert_eq!(told(&Site::new(&format!("{metadata}{TELLING}"))), both);
    let one = "# /// script\n# [tool.wsgi-cgi]\n# warm-up = \"/\"\n# ///\n";
    assert_eq!(
        told(&Site::new(&format!("{one}{TELLING}"))),
        format!("[{}]", asked("/", ""))
    );
}

#[test]
fn a_client_cannot_pose_as_a_warm_up() {
    let site = Site::new(TELLING);
    site.make();
    let request = site.request().variable("HTTP_WSGI_CGI_WARM_UP", "1");
    assert_eq!(request.run().text(), "[]");
    let text = TELLING.replace("repr(seen)", "repr(environ.get('wsgi_cgi.warm_up'))");
    let site = Site::new(&text);
    site.make();
    assert_eq!(
        site.request()
            .variable("wsgi_cgi_warm_up", "1")
            .run()
            .text(),
        "None"
    );
}

/// The image is made without it, and both who makes one and `status` say why.
#[track_caller]
pub(super) fn is_left_out(statements: &str, why: &str) {
    let site = Site::with_options(
        "--warm-up /ahead",
        &format!(
            "import os, threading, time\nkept = []\ndef application(environ, start_response):\n    \
             if environ['PATH_INFO'] == '/ahead':\n        {statements}\n    \
             start_response('200 OK', [])\n    return [str(len(kept)).encode()]\n"
        ),
    );
    let made = site.command(&["make", "app.cgi"]);
    let log = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{log}");
    assert!(
        log.contains("without the warm-up: ") && log.contains(why),
        "{log}"
    );
    assert_eq!(site.restored(), "0");
    assert!(site.kept("unwarmed").is_empty());
    let status = site.command(&["status"]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(
        status.contains("made without the warm-up: ") && status.contains(why),
        "{status}"
    );
}

#[test]
fn a_warm_up_that_fails_is_left_out() {
    is_left_out(
        "kept.append(1); raise LookupError('no')",
        "the warm-up request for `/ahead` failed: the application raised an exception: LookupError: no",
    );
}

#[test]
fn a_warm_up_answered_with_500_is_left_out() {
    is_left_out(
        "kept.append(1); start_response('503 Busy', []); return [b'']",
        "the warm-up request for `/ahead` was answered with 503",
    );
}

#[test]
fn a_warm_up_that_leaves_an_obstacle_is_left_out() {
    is_left_out("kept.append(os.pipe())", "pipe:");
    is_left_out(
        "kept.append(threading.Thread(target=time.sleep, args=(99,), daemon=True)); kept[0].start()",
        "1 threads",
    );
}

/// PEP 3333: it is true where the application is called once in the life of its process; what a warm-up built is
/// there to be used again, and Trac, for one, throws it away where it is true.
#[test]
fn run_once_is_true_unless_there_was_a_warm_up() {
    let text = "before = []\ndef application(environ, start_response):\n    \
                before.append(environ['wsgi.run_once'])\n    start_response('200 OK', [])\n    \
                return [repr(before).encode()]\n";
    assert_eq!(told(&Site::new(text)), "[True]");
    let warm = Site::with_options("--warm-up /", text);
    assert_eq!(told(&warm), "[False, False]");
    let cold = warm
        .request()
        .variable("PYTHONSAFEPATH", "")
        .logs_anything();
    assert_eq!(cold.run().text(), "[True]");
}

/// What is made anew each time, in a folder that was looked at, no further attempt finds at rest.
#[test]
fn a_warm_up_that_changes_files_each_time_is_left_out() {
    is_left_out(
        "os.listdir('.'); kept.append(1); open('%d.probe' % time.time_ns(), 'w').close()",
        "and then changes it",
    );
}
