//! Lasting conditions: what is so at each request is not tried at each request.

use super::{HELLO, Site, eventually};

/// How often the application was loaded in vain or for an image.
fn makings(site: &Site) -> usize {
    std::fs::read(site.file("made")).map_or(0, |made| made.len())
}

/// Counts the processes that load it to make an image.
const COUNTING: &str = r"
import os
if b'\0load\0' in open('/proc/self/cmdline', 'rb').read():
    with open('made', 'a') as made: made.write('.')
";

/// Requests, until no maker is at it any more.
fn requests(site: &Site, each: impl Fn(usize)) {
    for number in 0..30 {
        each(number);
        eventually("the maker is done", || {
            let locks = site.kept("lock");
            locks.iter().all(|lock| {
                let Ok(lock) = std::fs::File::open(lock) else {
                    return true;
                };
                let exclusive = rustix::fs::FlockOperation::NonBlockingLockExclusive;
                rustix::fs::flock(&lock, exclusive).is_ok()
            })
        });
    }
}

/// Out of so many requests, one after the other, few have an image made, however slow the machine.
#[track_caller]
fn few(site: &Site) {
    let made = makings(site);
    assert!((1..=5).contains(&made), "{made} images made");
}

#[test]
fn a_counter_file_that_requests_write() {
    let site = Site::new(&format!(
        "{COUNTING}\nimport pathlib\nfile = pathlib.Path('counter')\n\
         seen = file.read_text() if file.exists() else '0'\n\
         def application(environ, start_response):\n    \
         file.write_text(str(int(file.read_text() if file.exists() else 0) + 1))\n    \
         start_response('200 OK', [])\n    return [b'x']\n"
    ));
    std::fs::write(site.file("counter"), "0").expect("written");
    requests(&site, |_| {
        site.request().logs_anything().run();
    });
    few(&site);
}

#[test]
fn a_variable_that_differs_each_time() {
    let site = Site::new(&format!(
        "{COUNTING}\nimport os\nstream = os.environ.get('H2_STREAM_TAG')\n{HELLO}"
    ));
    requests(&site, |number| {
        let request = site.request().variable("H2_STREAM_TAG", number.to_string());
        assert_eq!(request.logs_anything().run().text(), "cold");
    });
    few(&site);
}

#[test]
fn a_first_line_that_differs_each_time() {
    let site = Site::with_options("--script-name ${MOUNT}", &format!("{COUNTING}{HELLO}"));
    requests(&site, |number| {
        let request = site.request().variable("MOUNT", format!("/{number}"));
        assert_eq!(request.logs_anything().run().text(), "cold");
    });
    let made = makings(&site);
    assert!((1..=12).contains(&made), "{made} images made");
}

#[test]
fn a_maker_that_is_killed_each_time() {
    let site = Site::new(&format!(
        "{COUNTING}\nimport signal\n\
         if b'\\0load\\0' in open('/proc/self/cmdline', 'rb').read(): os.kill(os.getpid(), signal.SIGKILL)\n\
         {HELLO}"
    ));
    requests(&site, |_| {
        assert_eq!(site.request().logs_anything().run().text(), "cold");
    });
    few(&site);
}

#[test]
fn a_file_that_loading_changes_each_time() {
    let site = Site::new(&format!(
        "{COUNTING}\nwith open('kept', 'a') as kept: kept.write('x')\nopen('kept').read()\n{HELLO}"
    ));
    requests(&site, |_| {
        site.request().logs_anything().run();
    });
    few(&site);
    let made = site.command(&["make", "app.cgi"]);
    let log = String::from_utf8_lossy(&made.stderr);
    let file = format!(
        "reads `{}` and then changes it",
        site.file("kept").display()
    );
    assert!(log.contains(&file) && log.contains("(5 attempts)"), "{log}");
}

#[test]
fn a_log_that_was_rotated() {
    let site = Site::new(&format!("{COUNTING}\nlog = open('log', 'a')\n{HELLO}"));
    site.make();
    assert_eq!(site.restored(), "restored");
    for _ in 0..2 {
        std::fs::rename(site.file("log"), site.file("log.1")).expect("rotated");
        // Nobody attempts the same five times, and the next image has the new one.
        assert_eq!(site.cold("`"), "cold");
        site.settles_on(&["cold", "restored"]);
        assert_eq!(site.restored(), "restored");
    }
}

#[test]
fn after_one_crash_an_image_is_used_again_and_after_two_it_is_not() {
    let site = Site::new(&HELLO.replace(
        "    start_response",
        "    if environ['QUERY_STRING'] == 'die': os.abort()\n    start_response",
    ));
    let dies = || {
        let request = site.request().variable("QUERY_STRING", "die");
        request.exits(134).logs("SIGABRT").run();
    };
    let later = |seconds| {
        let crashes = site.kept("crashes").pop().expect("a count");
        let file = std::fs::File::options().append(true).open(crashes);
        let past = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
        let set = file.and_then(|file| file.set_modified(past));
        set.expect("a time set");
    };
    site.make();
    dies();
    assert_eq!(site.cold("a restored process crashed"), "cold");
    later(301);
    site.settles_on(&["cold", "restored"]);
    dies();
    later(301);
    assert_eq!(site.cold("a restored process crashed"), "cold");
    later(86_401);
    site.settles_on(&["cold", "restored"]);
}

#[test]
fn a_request_that_exceeds_its_cpu_time_does_not_spoil_the_image() {
    let site = Site::new(&HELLO.replace(
        "    start_response",
        "    while environ['QUERY_STRING'] == 'long': pass\n    start_response",
    ));
    site.make();
    let request = site.shell("ulimit -S -t 1 && exec ./app.cgi");
    let request = request.variable("QUERY_STRING", "long");
    let answer = request.exits(152).logs("CPU time limit").run();
    assert_eq!(answer.status, "500 Internal Server Error");
    assert_eq!(site.restored(), "restored");
}

#[test]
fn a_request_that_exceeds_its_memory_does_not_spoil_the_image() {
    let site = Site::new(&HELLO.replace(
        "    start_response",
        "    if environ['QUERY_STRING'] == 'much':\n        kept = []\n        \
         try:\n            while True: kept.append(bytearray(1 << 20))\n        \
         except MemoryError: os.abort()\n    start_response",
    ));
    site.make();
    let request = site.shell("ulimit -v 1500000 && exec ./app.cgi");
    let request = request.variable("QUERY_STRING", "much");
    request.exits(134).logs("SIGABRT").run();
    assert_eq!(site.restored(), "restored");
}

#[test]
fn a_request_sent_ahead_is_sent_once() {
    let site = Site::with_options(
        "--warm-up /ahead",
        "def application(environ, start_response):\n    \
         if environ['PATH_INFO'] == '/ahead': open('ahead', 'a').write('.')\n    \
         start_response('200 OK', [])\n    return [b'x']\n",
    );
    site.make();
    let ahead = std::fs::read_to_string(site.file("ahead"));
    assert_eq!(ahead.expect("sent"), ".");
}
