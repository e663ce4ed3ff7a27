//! Real applications over SCGI: Flask, Django and Trac, behind each server that speaks it.

use std::fs;
use std::process::Command;

use super::bodies::LARGE;
use super::uploads::open_to_all;
use super::{Kind, Server, Site, run};
use crate::harness::http_client::Request;
use crate::harness::{folder, packages};

const BLOCK: &str = "# /// script\n# [tool.wsgi-cgi]\n# venv = \"@venv@\"\n# ///\n";

/// What a form says that came as content of known length.
fn of_a_framework(kind: Kind, name: &str) {
    let Some(venv) = packages::venv() else { return };
    let file = format!("tests/applications/uploads/{name}.py");
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = BLOCK.to_owned() + &fs::read_to_string(file).expect("an application");
    let text = text.replace("@venv@", &venv.display().to_string());
    let server = Server::start(kind, &Site::new().source(name, &text));
    let target = format!("{}/raw", server.url(name));
    for body in [&b""[..], b"x", &LARGE[..100_000]] {
        let answer = Request::post(&target, body).send(server.address);
        assert_eq!(answer.status, 200, "{}", server.log());
        let text = answer.text();
        assert!(text.starts_with(&format!("{} ", body.len())), "{text}");
    }
    let none = format!("{}/none", server.url(name));
    assert_eq!(Request::get(&none).send(server.address).status, 404);
}

pub(super) fn flask(kind: Kind) {
    of_a_framework(kind, "flask_site");
}

pub(super) fn django(kind: Kind) {
    of_a_framework(kind, "django_site");
}

const TRAC: &str = "
import os
os.environ['TRAC_ENV'] = '@folder@/trac'
os.environ['PYTHON_EGG_CACHE'] = '@folder@'
from trac.web.main import dispatch_request as application
";

/// A page, and a ticket by a form with Trac's own token.
pub(super) fn trac(kind: Kind) {
    let Some(venv) = packages::venv() else { return };
    let place = folder();
    let environment = place.path().join("trac");
    for words in [
        &["initenv", "The test", "sqlite:db/trac.db"][..],
        &["permission", "add", "anonymous", "TICKET_CREATE"],
    ] {
        let made = Command::new(venv.join("bin/trac-admin"))
            .arg(&environment)
            .args(words)
            .output()
            .expect("trac-admin");
        assert!(made.status.success(), "{made:?}");
    }
    open_to_all(place.path());
    let text = (BLOCK.to_owned() + TRAC)
        .replace("@venv@", &venv.display().to_string())
        .replace("@folder@", &place.path().display().to_string());
    let server = Server::start(kind, &Site::new().source("tickets", &text));
    let url = server.url("tickets");
    let page = Request::get(&format!("{url}/wiki")).send(server.address);
    assert!(page.text().contains("Welcome to Trac"), "{}", server.log());

    let page = Request::get(&format!("{url}/newticket")).send(server.address);
    let cookies: Vec<String> = page
        .header("Set-Cookie")
        .iter()
        .filter_map(|cookie| cookie.split(';').next().map(str::to_owned))
        .collect();
    let text = page.text();
    let token = text.split("name=\"__FORM_TOKEN\" value=\"").nth(1);
    let token = token
        .and_then(|rest| rest.split('"').next())
        .expect("a token");
    let form = format!(
        "__FORM_TOKEN={token}&field_summary=It+works&field_reporter=ada&field_type=task&\
         field_priority=major&submit=Create"
    );
    let answer = Request::post(&format!("{url}/newticket"), form.into_bytes().leak())
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Cookie", &cookies.join("; "))
        .send(server.address);
    assert_eq!(answer.status, 303, "{}", server.log());
    let ticket = Request::get(&format!("{url}/ticket/1")).send(server.address);
    assert!(ticket.text().contains("It works"), "{}", server.log());
}

macro_rules! over_scgi {
    ($($module:ident: $kind:ident),* $(,)?) => {
        $(mod $module {
            use super::{Kind, run};

            #[test]
            fn flask() {
                run(Kind::$kind, super::flask);
            }

            #[test]
            fn django() {
                run(Kind::$kind, super::django);
            }

            #[test]
            fn trac() {
                run(Kind::$kind, super::trac);
            }
        })*
    };
}

over_scgi! {
    nginx: NginxScgi,
    apache: ApacheScgi,
    lighttpd: LighttpdScgi,
}
