//! Whole frameworks.

use super::Site;
use crate::harness::packages;

#[test]
fn flask() {
    let Some(venv) = packages::venv() else { return };
    let site = Site::with_options(
        &format!("--venv {}", venv.display()),
        "import flask\napp = flask.Flask(__name__)\n@app.route('/')\ndef index():\n    \
         return flask.request.headers['X-A']\n",
    );
    site.make();
    for value in ["one", "two"] {
        assert_eq!(
            site.request().variable("HTTP_X_A", value).run().text(),
            value
        );
    }
}

#[test]
fn django() {
    let Some(venv) = packages::venv() else { return };
    let site = Site::with_options(
        &format!("--venv {}", venv.display()),
        "import django\nfrom django.conf import settings\nfrom django.core.wsgi import get_wsgi_application\n\
         from django.http import HttpResponse\nfrom django.urls import path\n\
         settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=['*'], SECRET_KEY='x')\n\
         urlpatterns = [path('', lambda request: HttpResponse(request.GET['q']))]\n\
         application = get_wsgi_application()\n",
    );
    let made = site.command(&["make", "--warm-up", "/?q=ahead", "app.cgi"]);
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    for value in ["one", "two"] {
        let query = format!("q={value}");
        assert_eq!(
            site.request().variable("QUERY_STRING", &query).run().text(),
            value
        );
    }
}
