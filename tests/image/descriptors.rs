//! A server that gives its scripts less than they expect: a log that nobody reads, or nothing at all.

use std::io::Read;

use super::{HELLO, Site};

#[test]
fn nobody_reads_the_log() {
    let site = Site::new(HELLO);
    for expected in ["cold", "restored"] {
        let (mut child, _folder) = site.request().spawn();
        drop((child.stdin.take(), child.stderr.take()));
        let mut answer = String::new();
        let mut stdout = child.stdout.take().expect("piped");
        stdout.read_to_string(&mut answer).expect("an answer");
        assert!(child.wait().expect("ended").success(), "{expected}");
        assert!(answer.ends_with(&format!("\r\n\r\n{expected}")), "{answer}");
        super::eventually("an image", || !site.kept("image").is_empty());
    }
}

#[test]
fn some_descriptors_are_closed() {
    let site = Site::new(HELLO);
    for closed in ["<&-", "2>&-", "<&- 2>&-"] {
        let request = || {
            site.shell(&format!("exec ./app.cgi {closed}"))
                .logs_anything()
        };
        // One of the requests before may still have one made.
        super::eventually("none", || {
            site.command(&["drop"]);
            request().run().text() == "cold"
        });
        super::eventually("an image", || request().run().text() == "restored");
    }
}

#[test]
fn an_unexpected_descriptor_is_open() {
    let site = Site::new(&format!(
        "{HELLO}\n_answer = application\ndef application(environ, start_response):\n    \
         open_now = sorted(map(int, os.listdir('/proc/self/fd')))\n    \
         assert os.path.exists('/proc/self/fd/9'), open_now\n    \
         return _answer(environ, start_response)\n"
    ));
    let run = || {
        site.shell("exec 9<app.cgi; exec ./app.cgi")
            .logs_anything()
            .run()
    };
    assert_eq!(run().text(), "cold");
    super::eventually("an image", || run().text() == "restored");
}
