//! Django with its admin on sqlite: log-in, a form with a token, and what stays in the database.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::visitor::{Visitor, hidden};
use super::{alike, application, ours};
use crate::harness::cgi::Cgi;
use crate::harness::{folder, packages};

const FILE: &str = "django_site/wsgi.py";

/// A project whose database has the tables and one superuser, as manage.py makes them.
fn project(venv: &Path) -> TempDir {
    let site = folder();
    for arguments in [
        &["migrate", "--verbosity", "0"][..],
        &[
            "createsuperuser",
            "--noinput",
            "--username",
            "ada",
            "--email",
            "ada@example.org",
        ],
    ] {
        let made = Command::new(venv.join("bin/python3"))
            .args(["-m", "django"])
            .args(arguments)
            .current_dir(application(""))
            .env("DJANGO_SETTINGS_MODULE", "django_site.settings")
            .env("DJANGO_SUPERUSER_PASSWORD", "lovelace")
            .env("SITE_FOLDER", site.path())
            .output()
            .expect("the environment's python");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }
    site
}

/// A GET, with what the project needs: it is a package, so its parent folder is on the path.
fn request(venv: &Path, site: &TempDir) -> Cgi {
    let parent = application("");
    ours(venv, FILE, "application")
        .variable("WSGI_CGI_PYTHON_PATH", &parent)
        .variable("PYTHONPATH", &parent)
        .variable("SITE_FOLDER", site.path())
}

#[test]
fn the_admin_logs_in_and_adds_an_object() {
    let Some(venv) = packages::venv() else { return };
    let site = project(&venv);
    let mut visitor = Visitor::new(|| request(&venv, &site));

    let answer = visitor.get("/admin/");
    assert_eq!(answer.status, "302 Found");
    let page = visitor.follow(&answer);
    assert!(
        page.text().contains("Django administration"),
        "{}",
        page.text()
    );

    let token = hidden(&page, "csrfmiddlewaretoken");
    let login = "/admin/login/?next=/app/admin/";
    let user = [("username", "ada"), ("password", "lovelace")];
    assert_eq!(visitor.post(login, &user).status, "403 Forbidden");

    let with_token = [user.as_slice(), &[("csrfmiddlewaretoken", &token)]].concat();
    let answer = visitor.post(login, &with_token);
    assert_eq!(answer.status, "302 Found");
    assert!(
        visitor.cookies.contains_key("sessionid"),
        "{:?}",
        visitor.cookies
    );
    let page = visitor.follow(&answer);
    assert!(
        page.text().contains("Site administration"),
        "{}",
        page.text()
    );

    let page = visitor.get("/admin/auth/group/add/");
    let token = hidden(&page, "csrfmiddlewaretoken");
    let fields = [
        ("csrfmiddlewaretoken", token.as_str()),
        ("name", "Zoë & friends"),
    ];
    let answer = visitor.post("/admin/auth/group/add/", &fields);
    let page = visitor.follow(&answer);
    assert!(
        page.text().contains("was added successfully"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("Zoë &amp; friends"), "{}", page.text());
}

#[test]
fn answers_as_under_the_standard_library() {
    let Some(venv) = packages::venv() else { return };
    let site = folder();
    let requests: [&dyn Fn(Cgi) -> Cgi; 5] = [
        &|cgi| cgi.path("/page/").variable("QUERY_STRING", "a=%C3%AB"),
        &|cgi| cgi.path("/page"),
        &|cgi| cgi.path("/stream/"),
        &|cgi| cgi.path("/download/"),
        &|cgi| cgi.path("/nowhere/"),
    ];
    for wish in requests {
        alike(&venv, FILE, "application", |cgi| {
            let cgi = cgi.variable("PYTHONPATH", application(""));
            wish(cgi.variable("SITE_FOLDER", site.path()))
        });
    }
}

/// Django leaves the content of an answer to HEAD to the server; the standard library sends it.
#[test]
fn head_is_answered_without_content() {
    let Some(venv) = packages::venv() else { return };
    let site = folder();
    let page = request(&venv, &site).path("/page/").run();
    let head = request(&venv, &site).path("/page/").method("HEAD").run();
    assert_eq!(head.headers, page.headers);
    assert_eq!(head.body, b"");
}

/// As Django's own documentation names a project.
#[test]
fn a_project_is_named_as_a_module() {
    let Some(venv) = packages::venv() else { return };
    let site = folder();
    let answer = Cgi::bare()
        .variable("WSGI_CGI_APP", "django_site.wsgi:application")
        .variable("WSGI_CGI_VENV", &venv)
        .variable("SITE_FOLDER", site.path())
        .in_folder(application(""))
        .path("/page/")
        .run();
    assert_eq!(answer.text(), "http://example.org/app/page/\n");
}
