//! When the application is loaded, and when it is loaded anew.

use crate::harness::serving::Serve;

/// Versions differ in length: Python takes a source of the same second and length for the one that
/// it has compiled.
fn version(number: usize) -> String {
    let padding = "#".repeat(number);
    format!(
        "{padding}\nimport helper\ncalls = []\ndef application(environ, start_response):\n    \
         calls.append(1)\n    start_response('200 OK', [])\n    \
         return [b'{number} %s %d' % (helper.NAME, len(calls))]\n"
    )
}

/// Nothing tells the two apart but what is in them: neither the second nor the size.
#[test]
fn an_edit_in_the_same_second_and_of_the_same_size_shows() {
    let text = |word: &str| super::ECHO.replace("\"%s", &format!("\"{word} %s"));
    let serving = Serve::source(&text("one")).with(&["--preload"]).start();
    for word in ["one", "two", "six", "ten"] {
        std::fs::write(serving.folder().join("app.py"), text(word)).expect("written");
        assert!(serving.get("/").starts_with(word), "{word}");
    }
    serving.end();
}

#[test]
fn an_edit_shows_at_the_next_request() {
    for options in [&[][..], &["--preload"]] {
        let serving = Serve::source(&version(1))
            .file("helper.py", "NAME = b'a'\n")
            .with(options)
            .start();
        // And nothing is left of the request before.
        assert_eq!(serving.get("/"), "1 a 1", "{options:?}");
        assert_eq!(serving.get("/"), "1 a 1", "{options:?}");
        std::fs::write(serving.folder().join("app.py"), version(2)).expect("written");
        assert_eq!(serving.get("/"), "2 a 1", "{options:?}");
        std::fs::write(serving.folder().join("helper.py"), "NAME = b'bc'\n").expect("written");
        assert_eq!(serving.get("/"), "2 bc 1", "{options:?}");
        serving.end();
    }
}

#[test]
fn what_is_preloaded_is_loaded_once() {
    let text = "import os\nloaded_by = os.getpid()\ndef application(environ, start_response):\n    \
                start_response('200 OK', [])\n    return [b'%d %d' % (loaded_by, os.getpid())]\n";
    let serving = Serve::source(text).with(&["--preload"]).start();
    let answers = [serving.get("/"), serving.get("/")];
    let ids: Vec<(&str, &str)> = answers
        .iter()
        .map(|answer| answer.split_once(' ').expect("two ids"))
        .collect();
    assert_eq!(ids[0].0, ids[1].0, "loaded once");
    assert_ne!(ids[0].0, ids[0].1, "and not by who answers");
    assert_ne!(ids[0].1, ids[1].1, "a process for each request");
    serving.end();
}

#[test]
fn a_file_of_a_preloaded_application_is_flushed_by_each_worker() {
    let text = "log = open('log', 'a')\nimport atexit\natexit.register(lambda: log.write('e'))\n\
                def application(environ, start_response):\n    log.write('r')\n    \
                start_response('200 OK', [])\n    return [b'x']\n";
    let serving = Serve::source(text).with(&["--preload"]).start();
    for _ in 0..3 {
        assert_eq!(serving.get("/"), "x");
    }
    let log = serving.folder().join("log");
    // It ends when every worker has, and the process that loaded it has no say.
    serving.end_keeping(|| {
        let written = std::fs::read_to_string(log).expect("a log");
        assert_eq!(written.matches("re").count(), 3, "{written}");
    });
}

#[test]
fn a_script_around_cgihandler_is_served() {
    let text = "from wsgiref.handlers import CGIHandler\ndef app(environ, start_response):\n    \
                start_response('200 OK', [('X-A', 'b')])\n    return [b'handled']\n\
                CGIHandler().run(app)\n";
    for options in [&[][..], &["--preload"]] {
        let serving = Serve::source(text).with(options).start();
        assert_eq!(serving.get("/"), "handled");
        assert_eq!(serving.get("/"), "handled");
        serving.end();
    }
}
