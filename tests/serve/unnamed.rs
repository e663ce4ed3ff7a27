//! `serve` without APP: it finds the application in the working directory.

use rustix::process::Signal;

use super::ECHO;
use crate::harness::by_hand::ByHand;
use crate::harness::packages;
use crate::harness::serving::Serve;

fn unnamed() -> Serve {
    Serve(ByHand::command(&["serve", "--port", "0"]))
}

#[test]
fn a_file_with_a_usual_name_is_served() {
    for name in ["app.py", "wsgi.py", "application.py"] {
        let serving = unnamed()
            .file(name, ECHO)
            .file("other.py", "raise LookupError\n")
            .start();
        let banner = serving.wait_for_line(&format!("/{name} at http://"));
        assert!(banner.starts_with("no APP was given: "), "{banner}");
        assert_eq!(serving.get("/x"), "GET  /x - 0\n");
        // After a reload it still serves that file, even if there are others by then.
        std::fs::write(serving.folder().join("app.py"), ECHO).expect("written");
        std::fs::write(serving.folder().join("application.py"), ECHO).expect("written");
        serving.signal(Signal::HUP);
        serving.wait_for_log("reloading the application");
        assert_eq!(serving.get("/x"), "GET  /x - 0\n");
        serving.end_logging();
    }
}

#[test]
fn the_application_of_a_django_project_is_served() {
    let Some(venv) = packages::venv() else { return };
    let serve = unnamed().with(&["--venv", venv.to_str().expect("UTF-8")]);
    let site = serve.working_directory().join("mysite");
    std::fs::create_dir(&site).expect("a folder");
    for (name, text) in DJANGO {
        std::fs::write(site.join(name), text).expect("written");
    }
    let serving = serve.file("manage.py", MANAGE).start();
    let banner = serving.wait_for_line("Ctrl-C");
    assert!(banner.contains("\nServing mysite.wsgi at "), "{banner}");
    assert_eq!(serving.get("/"), "of Django");
    serving.end();
}

/// As `django-admin startproject` writes it.
const MANAGE: &str = r#"
import os, sys
def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
if __name__ == "__main__":
    main()
"#;

const DJANGO: [(&str, &str); 4] = [
    ("__init__.py", ""),
    (
        "settings.py",
        "SECRET_KEY = 'x'\nALLOWED_HOSTS = ['*']\nROOT_URLCONF = 'mysite.urls'\n",
    ),
    (
        "urls.py",
        "from django.http import HttpResponse\nfrom django.urls import path\n\
         urlpatterns = [path('', lambda request: HttpResponse('of Django'))]\n",
    ),
    (
        "wsgi.py",
        "import os\nfrom django.core.wsgi import get_wsgi_application\n\
         os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n\
         application = get_wsgi_application()\n",
    ),
];

#[test]
fn the_error_names_the_files_that_were_looked_for() {
    ByHand::command(&["serve", "--port", "0"])
        .file("main.py", ECHO)
        .exits(2)
        .logs("has no app.py, wsgi.py, application.py or Django's manage.py")
        .run();
    ByHand::command(&["serve", "--port", "0"])
        .file("app.py", ECHO)
        .file("application.py", ECHO)
        .exits(2)
        .logs("(app.py, application.py): choose one, as in `wsgi-cgi serve app.py`")
        .run();
}

#[test]
fn serve_inetd_finds_the_application_too() {
    let answer = ByHand::command(&["serve", "--inetd"])
        .file("app.py", ECHO)
        .stdin("GET /i HTTP/1.0\r\n\r\n")
        .prints();
    assert!(answer.ends_with("\r\n\r\nGET  /i - 0\n"), "{answer}");
}
