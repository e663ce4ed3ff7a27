//! Whole frameworks, and what takes many attempts.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::warm_up::is_left_out;
use super::{HELLO, Site};
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

/// The processes that make an image of the site's script.
fn makers(site: &Site) -> Vec<Pid> {
    let folder = site.folder.path().to_str().expect("text").to_owned();
    let processes = std::fs::read_dir("/proc").expect("/proc");
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter(|number: &i32| {
            let words = std::fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words);
            words.contains(&folder) && words.contains("--here")
        })
        .filter_map(Pid::from_raw)
        .collect()
}

#[test]
fn a_maker_that_is_killed_later_and_later() {
    let site = Site::new(HELLO);
    let is_answered = || {
        let answer = site.request().logs_anything().run();
        assert!(["cold", "restored"].contains(&answer.text()), "{answer:?}");
    };
    for tens in 0..40 {
        is_answered();
        super::eventually("a maker", || {
            !makers(&site).is_empty() || !site.kept("image").is_empty()
        });
        // Not for luck: each time it is at another stage.
        std::thread::sleep(Duration::from_millis(tens * 10));
        for maker in makers(&site) {
            // It may have ended by itself.
            _ = kill_process(maker, Signal::KILL);
        }
        is_answered();
        is_answered();
        assert!(site.kept("bad").is_empty() && site.kept("refused").is_empty());
        assert!(site.command(&["drop"]).status.success());
    }
    site.settles_on(&["cold", "restored"]);
    site.image();
    super::eventually("nothing is left", || site.kept("new").is_empty());
}

#[test]
fn crowds_of_first_requests_while_the_script_changes() {
    let site = Site::new(HELLO);
    for number in 1..6 {
        // Python takes a source of the same second and length for the one that it has compiled.
        let text = "x".repeat(number);
        site.write("", &HELLO.replace("restored", &text).replace("cold", &text));
        std::thread::scope(|scope| {
            for _ in 0..30 {
                scope.spawn(|| {
                    let answer = site.request().logs_anything().run();
                    assert_eq!(answer.text(), text, "{}", answer.log);
                });
            }
        });
        site.settles(&text);
        site.image();
    }
}

#[test]
fn a_warm_up_that_hangs_is_left_out() {
    is_left_out("time.sleep(99)", "it took longer than 30 s");
}
