//! The addresses of an image are taken, or there is no room for them: the request is cold then.

use super::{HELLO, Site, programs};
use crate::harness::cgi::Cgi;

/// A request that is answered once, whichever way.
#[track_caller]
fn is_answered(request: Cgi) -> String {
    let answer = request.logs_anything().run();
    let text = answer.text().to_owned();
    assert!(["restored", "cold"].contains(&text.as_str()), "{text}");
    // What could not be restored says so, and nothing else does.
    assert_eq!(
        text == "cold",
        answer.log.contains("answered without an image")
    );
    text
}

/// Makes an image in a shell that has the variables of a request.
fn make() -> String {
    format!(
        "env -i WSGI_CGI_CACHE_DIR=\"$WSGI_CGI_CACHE_DIR\" '{}' image make app.cgi >made 2>&1",
        programs().join("wsgi-cgi").display()
    )
}

#[test]
fn a_large_environment_is_where_the_stack_was() {
    let site = Site::new(HELLO);
    site.make();
    // The kernel takes so much for each variable, and a quarter of the stack's limit for all.
    let large = "x".repeat(100_000);
    for count in [1, 5, 15, 15, 15] {
        let mut request = site.request();
        for number in 0..count {
            request = request.variable(format!("LARGE_{number}"), &large);
        }
        is_answered(request);
    }
    assert_eq!(site.restored(), "restored");
}

#[test]
fn stacks_of_all_sizes() {
    let site = Site::new(HELLO);
    site.make();
    for size in ["unlimited", "1000000", "64000", "1024", "256"] {
        let command = format!("ulimit -s {size} && exec ./app.cgi");
        is_answered(site.shell(&command));
        let other = Site::new(HELLO);
        let command = format!("ulimit -s {size} && {}; exec ./app.cgi", make());
        is_answered(other.shell(&command));
        is_answered(other.request());
    }
}

#[test]
fn nothing_is_at_random() {
    let site = Site::new(HELLO);
    site.make();
    let setarch = |site: &Site, command: &str| {
        let request = site.request().program("setarch");
        is_answered(request.arguments(&["-R", "sh", "-c", command]))
    };
    setarch(&site, "exec ./app.cgi");
    // Neither for the image.
    let other = Site::new(HELLO);
    setarch(&other, &format!("{}; exec ./app.cgi", make()));
    setarch(&other, "exec ./app.cgi");
    is_answered(other.request());
    assert_eq!(site.restored(), "restored");
}

#[test]
fn there_is_room_for_the_cold_program_only() {
    let site = Site::new(HELLO);
    site.make();
    let under = |limit: u64| site.shell(&format!("ulimit -v {limit} && exec ./app.cgi"));
    // In kilobytes: what the cold program does not start with, and what is enough for all.
    let (mut little, mut enough) = (1000, 4_000_000);
    assert_eq!(is_answered(under(enough)), "restored");
    while enough - little > 20 {
        let limit = u64::midpoint(enough, little);
        let (mut child, _folder) = under(limit).spawn();
        drop(child.stdin.take());
        let output = child.wait_with_output().expect("ended");
        if output.stdout.ends_with(b"\r\n\r\nrestored") {
            enough = limit;
        } else {
            little = limit;
        }
    }
    // All around where it becomes enough for being restored it is for the cold program.
    for step in 0..20 {
        is_answered(under(little - 200 + step * 20));
    }
}

#[test]
fn no_limit_is_worse_than_for_the_cold_program() {
    let site = Site::new(HELLO);
    site.make();
    let cold = format!("'{}' app.cgi", programs().join("wsgi-cgi").display());
    for limit in (24_000..60_000).step_by(4000) {
        // Where parts of it lie, and how they fit, is another in each process.
        let more = limit + 4000;
        let (mut child, _folder) = site
            .shell(&format!("ulimit -v {limit} && exec {cold}"))
            .spawn();
        drop(child.stdin.take());
        let output = child.wait_with_output().expect("ended");
        if output.stdout.ends_with(b"\r\n\r\ncold") {
            is_answered(site.shell(&format!("ulimit -v {more} && exec ./app.cgi")));
        }
    }
}
