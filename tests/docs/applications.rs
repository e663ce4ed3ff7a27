//! The recipes for one application each.

use super::*;

#[test]
fn trac() {
    let Some(machine) = Machine::with_venv() else {
        return;
    };
    machine.follow_all("trac.md");
    machine.both("trac.cgi", "/", |answer| says(answer, "Welcome to Trac"));
    let admin = machine
        .ask("trac.cgi")
        .variable("REMOTE_USER", "ada")
        .variable("AUTH_TYPE", "Basic")
        .path("/admin");
    let answer = admin.run();
    says(&answer, "Administration");
}

#[test]
fn mercurial() {
    let Some(machine) = Machine::with_package("mercurial") else {
        return;
    };
    machine.follow_all("mercurial.md");
    machine.both("hg.cgi", "/", |answer| {
        says(answer, "<a href=\"/cgi-bin/hg.cgi/first/\">first</a>");
    });
    let answer = machine.ask("hg.cgi").path("/first").run();
    says(&answer, "first");
}

#[test]
fn moinmoin() {
    let Some(machine) = Machine::with_package("moin") else {
        return;
    };
    machine.follow_all("moinmoin.md");
    // This first: a request that has an image made afterwards would be making another at the same time.
    machine.both("wiki.cgi", "/Home", |answer| {
        says(answer, "<title>Home - My MoinMoin</title>");
    });
    let answer = machine.ask("wiki.cgi").run();
    assert_eq!(answer.header("Location"), ["/cgi-bin/wiki.cgi/Home"]);
}

#[test]
fn radicale() {
    let Some(machine) = Machine::with_venv() else {
        return;
    };
    machine.follow_all("radicale.md");
    machine.both("dav.cgi", "/.web/", |answer| says(answer, "Radicale"));
    let refused = machine
        .ask("dav.cgi")
        .path("/ada/")
        .method("PROPFIND")
        .run();
    assert_eq!(refused.status, "401 Unauthorized");
    let found = as_ada(machine.ask("dav.cgi").path("/ada/").method("PROPFIND")).run();
    assert_eq!(found.status, "207 Multi-Status");
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n\
                 DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:Tea\r\n\
                 END:VEVENT\r\nEND:VCALENDAR\r\n";
    let made = as_ada(
        machine
            .ask("dav.cgi")
            .path("/ada/tea/")
            .method("MKCALENDAR"),
    )
    .run();
    assert_eq!(made.status, "201 Created");
    let put = as_ada(machine.ask("dav.cgi").post(event))
        .path("/ada/tea/1.ics")
        .method("PUT")
        .variable("CONTENT_TYPE", "text/calendar");
    assert_eq!(put.run().status, "201 Created");
    let kept = as_ada(machine.ask("dav.cgi").path("/ada/tea/1.ics")).run();
    says(&kept, "SUMMARY:Tea");
}

#[test]
fn django() {
    let Some(machine) = Machine::with_venv() else {
        return;
    };
    machine.follow_all("django.md");
    machine.both("mysite.cgi", "/admin/login/", |answer| {
        says(answer, "Django site admin");
    });
    let asked = machine.ask("mysite.cgi").path("/admin/login/").run();
    let cookie = asked.header("Set-Cookie")[0]
        .split(';')
        .next()
        .expect("a cookie");
    let form = asked
        .text()
        .split("name=\"csrfmiddlewaretoken\" value=\"")
        .nth(1);
    let token = form
        .and_then(|rest| rest.split('"').next())
        .expect("a token");
    let body = format!("csrfmiddlewaretoken={token}&username=ada&password=the+password&next=/");
    let entered = machine
        .ask("mysite.cgi")
        .post(body)
        .path("/admin/login/")
        .variable("CONTENT_TYPE", "application/x-www-form-urlencoded")
        .variable(
            "HTTP_REFERER",
            "https://example.org/cgi-bin/mysite.cgi/admin/login/",
        )
        .variable("HTTP_COOKIE", cookie)
        .run();
    assert_eq!(entered.status, "302 Found", "{entered:?}");
    let style = machine.place("~/public_html/static/admin/css/base.css");
    assert!(style.is_file());
}

#[test]
fn flask_with_sqlite() {
    let Some(machine) = Machine::with_venv() else {
        return;
    };
    machine.follow_all("flask-sqlite.md");
    machine.both("notes.cgi", "/", |answer| says(answer, "<ul></ul>"));
    let added = machine
        .ask("notes.cgi")
        .post("text=buy+%3Ctea%3E")
        .variable("CONTENT_TYPE", "application/x-www-form-urlencoded");
    assert_eq!(added.run().status, "303 SEE OTHER");
    let answer = machine.ask("notes.cgi").run();
    says(&answer, "<li>buy &lt;tea&gt;</ul>");
}
