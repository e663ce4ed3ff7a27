//! Frameworks answer an exception with a page of their own. Where a developer looks, it is let
//! through; elsewhere the log says that there was one.

use crate::harness::cgi::Cgi;
use crate::harness::http_client::Request;
use crate::harness::packages::venv;
use crate::harness::serving::Serve;

const FLASK: &str = r#"
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
flask = Flask(__name__)
flask.logger.disabled = True

@flask.get("/fails")
def fails():
    place = "here"
    raise ValueError(place)

inner = ProxyFix(flask)
def application(environ, start_response):
    return inner(environ, start_response)
"#;

const DJANGO: &str = r#"
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path

def fails(request):
    place = "here"
    raise ValueError(place)

urlpatterns = [path("fails", fails)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", LOGGING_CONFIG=None,
    STATIC_URL="/static/", INSTALLED_APPS=[])
django = get_wsgi_application()
def application(environ, start_response):
    return django(environ, start_response)
"#;

const ITSELF: &str = "the application answered 500 itself";

fn cgi(text: &str, venv: &std::path::Path) -> Cgi {
    Cgi::source(text)
        .variable("WSGI_CGI_VENV", venv)
        .path("/fails")
}

#[test]
fn a_debug_page_shows_what_a_framework_caught() {
    let Some(venv) = venv() else {
        return;
    };
    for text in [FLASK, DJANGO] {
        let answer = cgi(text, &venv)
            .option("--debug")
            .exits(1)
            .logs("the application raised an exception: ValueError: here")
            .run();
        assert!(
            answer.text().contains("ValueError: here"),
            "{}",
            answer.text()
        );
        assert!(!answer.log.contains(ITSELF), "{}", answer.log);
    }
}

#[test]
fn the_development_server_shows_what_a_framework_caught() {
    let Some(venv) = venv() else {
        return;
    };
    for text in [FLASK, DJANGO] {
        let serving = Serve::source(text)
            .with(&["--venv", venv.to_str().expect("UTF-8")])
            .start();
        let response = Request::get("/fails").by_a_person().send(serving.address());
        assert_eq!(response.status, 500);
        let page = response.text();
        assert!(page.contains("ValueError: here"), "{page}");
        let (_, log) = serving.end_logging();
        assert!(log.contains("ValueError: here"), "{log}");
    }
}

#[test]
fn the_log_says_that_an_application_answered_500_itself() {
    let Some(venv) = venv() else {
        return;
    };
    for text in [FLASK, DJANGO] {
        let answer = cgi(text, &venv).logs_anything().run();
        assert!(answer.status.starts_with("500 "), "{}", answer.status);
        assert!(answer.log.contains(ITSELF), "{}", answer.log);
        assert!(answer.log.contains("GET /app/fails: "), "{}", answer.log);
        assert!(!answer.text().contains("ValueError"), "{}", answer.text());
    }
}

#[test]
fn any_500_of_an_application_is_logged_and_no_other_status() {
    for (status, is_logged) in [("500 Oops", true), ("503 Later", false), ("404 No", false)] {
        let text = format!(
            "def application(environ, start_response):\n    start_response('{status}', [])\n    \
             return [b'page']\n"
        );
        for text in [
            text.clone(),
            format!(
                "{text}from wsgiref.handlers import CGIHandler\nCGIHandler().run(application)\n"
            ),
        ] {
            let answer = Cgi::source(&text).logs_anything().run();
            assert_eq!(answer.status, status);
            assert_eq!(answer.text(), "page");
            assert_eq!(answer.log.matches(ITSELF).count(), usize::from(is_logged));
        }
    }
}

#[test]
fn djangos_static_files_are_hinted_at() {
    let Some(venv) = venv() else {
        return;
    };
    let serving = Serve::source(DJANGO)
        .with(&["--venv", venv.to_str().expect("UTF-8")])
        .start();
    for path in [
        "/static/admin/css/base.css",
        "/static/other.css",
        "/nothing",
    ] {
        assert_eq!(Request::get(path).send(serving.address()).status, 404);
    }
    let (_, log) = serving.end_logging();
    assert_eq!(log.matches("--static /static=").count(), 1, "{log}");
    assert!(log.contains("django/contrib/admin/static`"), "{log}");
}
