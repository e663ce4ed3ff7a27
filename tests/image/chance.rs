//! Two processes that are restored from one image with the same number, each in a namespace of its
//! own, share nothing that is meant to be random.

mod generators;
mod libraries;

use std::process::Command;

use super::{Cgi, Site};
use crate::harness::skip;

/// Every source of chance is used while the application is loaded, and again for the answer: the
/// number of the process, and a line for each.
const CHANCE: &str = r"
import hashlib, multiprocessing, os, random, secrets, ssl, tempfile, uuid
own = random.SystemRandom()
def chance():
    made, name = tempfile.mkstemp()
    os.close(made)
    os.remove(name)
    return [random.random(), random.Random().random(), own.random(), os.urandom(8), os.getrandom(8),
            secrets.token_hex(), ssl.RAND_bytes(8), uuid.uuid4(), name, tempfile.mktemp(),
            hashlib.scrypt(ssl.RAND_bytes(8), salt=ssl.RAND_bytes(8), n=2, r=1, p=1)]
chance()
def application(environ, start_response):
    start_response('200 OK', [])
    return [('%s\n' % line).encode() for line in [os.getpid()] + chance()]
";

/// Runs a shell's command as the first process of a namespace; none where that is not allowed.
fn apart(site: &Site, command: &str) -> Option<Cgi> {
    let may = Command::new("unshare").args(["-pf", "true"]).status();
    if !may.is_ok_and(|may| may.success()) {
        skip("only who may unshare has two processes with one number");
        return None;
    }
    let request = site.request().program("unshare");
    Some(request.arguments(&["-pf", "sh", "-c", command]))
}

#[test]
fn two_processes_with_the_same_pid() {
    let site = Site::new(CHANCE);
    site.make();
    let Some(request) = apart(&site, "exec ./app.cgi") else {
        return;
    };
    let one = request.run();
    let request = apart(&site, "exec ./app.cgi").expect("as before");
    let other = request.run();
    let pairs = one.text().lines().zip(other.text().lines());
    let pairs: Vec<(&str, &str)> = pairs.collect();
    assert_eq!(pairs.len(), 12);
    assert_eq!(pairs[0], ("1", "1"));
    for (one, other) in &pairs[1..] {
        assert_ne!(one, other);
    }
}

#[test]
fn a_process_with_the_pid_of_the_images_maker() {
    let site = Site::new(CHANCE);
    let program = super::programs().join("wsgi-cgi");
    // The shell is the first process, what is asked for an image the second, a question to its Python the third, who
    // observes the maker the fourth, and that the fifth. A process that answers without an image is started by the one that has the number.
    let command = format!(
        "env -i WSGI_CGI_CACHE_DIR=\"$WSGI_CGI_CACHE_DIR\" '{}' image make app.cgi; exec ./app.cgi",
        program.display()
    );
    let Some(request) = apart(&site, &command) else {
        return;
    };
    assert!(request.run().text().starts_with("1\n"));
    let request = apart(&site, "(exit 0); (exit 0); (exit 0); ./app.cgi; true").expect("as before");
    let log = "as the one that made the image";
    let answer = request.logs(log).run();
    assert!(answer.text().starts_with("6\n"), "{}", answer.text());
}
