//! `--pdb` with frameworks, which answer an exception with a page of their own unless they are
//! told to let it through.

use crate::harness::by_hand::ByHand;
use crate::harness::packages::venv;
use crate::harness::terminal::Terminal;

/// The debugger opens where `place` is a local variable.
#[track_caller]
fn opens(text: &str, path: &str) {
    let Some(venv) = venv() else {
        return;
    };
    let request = ByHand::request(text)
        .with(&[path, "--pdb", "--venv", venv.to_str().expect("UTF-8")])
        .variable("TERM", "dumb");
    let mut terminal = Terminal::start(request.to_command());
    terminal.wait_for("-> raise ValueError(place)");
    terminal.wait_for("(Pdb) ").types("p place");
    terminal.wait_for("'here'").wait_for("(Pdb) ").types("q");
    assert_eq!(terminal.end().1, 1);
}

#[test]
fn flask_lets_exceptions_through() {
    opens(
        r#"
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
flask = Flask(__name__)

@flask.get("/fails")
def fails():
    place = "here"
    raise ValueError(place)

application = ProxyFix(flask)
"#,
        "/fails",
    );
}

#[test]
fn django_lets_exceptions_through() {
    opens(
        r#"
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path

def fails(request):
    place = "here"
    raise ValueError(place)

urlpatterns = [path("fails", fails)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", LOGGING_CONFIG=None)
application = get_wsgi_application()
"#,
        "/fails",
    );
}
