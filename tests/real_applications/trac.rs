//! Trac 1.6: a wiki page and a ticket, with Trac's own form tokens.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::from_an_image;
use super::visitor::{Visitor, hidden};
use crate::harness::cgi::Cgi;
use crate::harness::{folder, launcher, packages};

/// An environment as `trac-admin` makes it.
fn environment(venv: &Path) -> TempDir {
    let site = folder();
    let made = Command::new(venv.join("bin/trac-admin"))
        .arg(site.path().join("trac"))
        .args(["initenv", "The test", "sqlite:db/trac.db"])
        .output()
        .expect("trac-admin");
    assert!(made.status.success(), "{made:?}");
    site
}

/// A GET by a user whom the server has logged in.
fn request(venv: &Path, site: &TempDir) -> Cgi {
    let cgi = if launcher::is_wanted() {
        let text = "from trac.web.main import dispatch_request as application\n";
        from_an_image(venv, text)
    } else {
        Cgi::bare()
            .arguments(&["trac.web.main:dispatch_request"])
            .variable("WSGI_CGI_VENV", venv)
    };
    cgi.variable("TRAC_ENV", site.path().join("trac"))
        .variable("AUTH_TYPE", "Basic")
        .variable("REMOTE_USER", "ada")
}

#[test]
fn a_wiki_page_and_a_ticket_are_made() {
    let Some(venv) = packages::venv() else { return };
    let site = environment(&venv);
    let mut visitor = Visitor::new(|| request(&venv, &site));

    let page = visitor.get("/wiki");
    assert!(page.text().contains("Welcome to Trac"), "{}", page.text());

    let page = visitor.get("/wiki/NewPage?action=edit");
    let token = hidden(&page, "__FORM_TOKEN");
    let text = "= Größe =\nwritten by //ada//";
    let fields = [
        ("__FORM_TOKEN", token.as_str()),
        ("action", "edit"),
        ("version", "0"),
        ("text", text),
        ("save", "Submit changes"),
    ];
    let answer = visitor.post("/wiki/NewPage", &fields);
    assert_eq!(answer.status, "303 See Other");
    let page = visitor.follow(&answer);
    assert!(page.text().contains("Größe"), "{}", page.text());
    assert!(page.text().contains("<em>ada</em>"), "{}", page.text());
    let page = visitor.get("/wiki/NewPage?format=txt");
    assert_eq!(page.text().replace("\r\n", "\n"), text);

    let page = visitor.get("/newticket");
    let token = hidden(&page, "__FORM_TOKEN");
    let fields = [
        ("__FORM_TOKEN", token.as_str()),
        ("field_summary", "It works & stays"),
        ("field_description", "Tried as a visitor would."),
        ("field_type", "task"),
        ("field_priority", "major"),
        ("field_reporter", "ada"),
        ("submit", "Create ticket"),
    ];
    let answer = visitor.post("/newticket", &fields);
    assert_eq!(answer.status, "303 See Other");
    let page = visitor.follow(&answer);
    assert!(
        page.text().contains("It works &amp; stays"),
        "{}",
        page.text()
    );
    assert!(
        visitor
            .get("/ticket/1")
            .text()
            .contains("Tried as a visitor would.")
    );
}

#[test]
fn a_form_without_its_token_is_refused() {
    let Some(venv) = packages::venv() else { return };
    let site = environment(&venv);
    let mut visitor = Visitor::new(|| request(&venv, &site));
    let answer = visitor.post(
        "/newticket",
        &[("field_summary", "forged"), ("submit", "yes")],
    );
    assert_eq!(answer.status, "400 Bad Request");
}
