//! What requests write to lies side by side in the image: learned from the warm-up, and without it, or if what was
//! learned is wrong, everything is answered the same.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Site, eventually};

/// One of two hundred objects is written to by a request, so each is in a page of its own if nothing was learned.
const THIN: &str = "\
class Counted:
    __slots__ = ('requests',)
    def __init__(self):
        self.requests = 0
all = [Counted() for _ in range(80_000)]
def application(environ, start_response):
    for counted in all[::200]:
        counted.requests += 1
    answer = str({counted.requests for counted in all[::200]})
    start_response('200 OK', [])
    return [answer.encode()]
";

/// How many objects that is.
const WRITTEN: u64 = 400;

/// How many pages a request has written to.
fn pages(site: &Site) -> u64 {
    eventually("a list of pages", || site.kept("pages").len() == 1);
    let list = fs::read(&site.kept("pages")[0]).expect("readable");
    let numbers: Vec<u64> = list
        .as_chunks()
        .0
        .iter()
        .map(|number| u64::from_le_bytes(*number))
        .collect();
    // The first three are about the image; then come start and length of each part, and a sum.
    let parts = &numbers[3..numbers.len() - 1];
    parts.iter().skip(1).step_by(2).sum::<u64>() / 4096
}

/// How long the list of what was learned is, in bytes.
#[track_caller]
fn learned(site: &Site) -> u64 {
    let [list] = &site.kept("learned")[..] else {
        panic!("{:?}", site.kept("learned"));
    };
    fs::metadata(list).expect("there").len()
}

/// The length of an empty list.
const EMPTY: u64 = 32;

/// Asks often enough for the image to be made again by a process that has learned, and waits for it.
#[track_caller]
fn ask_often(site: &Site) {
    let before = fs::read(site.kept("learned").remove(0)).expect("noted");
    assert_eq!(learned(site), EMPTY);
    let is_cold = |_: &i32| {
        let answer = site.request().logs_anything().run();
        assert!(
            answer.log.is_empty() || answer.log.contains("take less CPU"),
            "{}",
            answer.log
        );
        !answer.log.is_empty()
    };
    // The first is already over in one of the tests.
    let cold = (1..=20).find(is_cold);
    assert!(cold >= Some(19), "{cold:?}");
    eventually("what was learned", || {
        fs::read(site.kept("learned").remove(0)).is_ok_and(|now| now != before)
    });
    // This waits for the other to end, and uses what it has learned.
    site.make();
}

#[test]
fn what_requests_write_to_lies_side_by_side() {
    let site = Site::with_options("--warm-up /", THIN);
    site.make();
    ask_often(&site);
    assert_eq!(site.restored(), "{2}");
    let together = pages(&site);
    assert!(together < WRITTEN, "{together}");
    assert!(learned(&site) > EMPTY);

    let site = Site::new(THIN);
    site.make();
    assert_eq!(site.restored(), "{1}");
    let apart = pages(&site);
    assert!(apart > WRITTEN, "{apart}");
    assert!(site.kept("learned").is_empty());
}

/// Counts how often the application is loaded and asked.
fn counting(folder: &Path) -> String {
    let log = folder.join("../counted");
    format!(
        "def count(what):\n    with open('{}', 'a') as log:\n        log.write(what)\n\
         count('l')\n\
         def application(environ, start_response):\n    \
             count('w' if 'wsgi_cgi.warm_up' in environ else 'r')\n    \
             start_response('200 OK', [])\n    return [b'answer']\n",
        log.display()
    )
}

#[test]
fn what_was_learned_is_kept_for_the_next_image() {
    let site = Site::with_options("--warm-up /", "");
    let log = tempfile::tempdir().expect("a folder");
    fs::create_dir(log.path().join("inner")).expect("made");
    site.write("--warm-up /", &counting(&log.path().join("inner")));
    let counted = || fs::read_to_string(log.path().join("counted")).expect("counted");
    site.make();
    assert_eq!(
        counted(),
        "lw",
        "nothing is learned for an image that nobody uses"
    );
    ask_often(&site);
    let asked = "r".repeat(19);
    assert_eq!(counted(), format!("lw{asked}lrlwwlwlw"));
    site.make();
    assert_eq!(counted(), format!("lw{asked}lrlwwlwlwlw"));
    // What was learned of another application does not fit; it is learned again, but not often.
    site.write("--warm-up /", THIN);
    for age in [0, 2 * 86_400] {
        let list = fs::File::options()
            .append(true)
            .open(site.kept("learned").remove(0))
            .expect("there");
        let time = SystemTime::now() - Duration::from_secs(age);
        list.set_modified(time).expect("set");
        assert!(learned(&site) > EMPTY, "{age}");
        site.make();
    }
    assert_eq!(site.restored(), "{2}");
    ask_often(&site);
    assert_eq!(site.restored(), "{2}");
    assert!(learned(&site) > EMPTY);
}

#[test]
fn a_damaged_list_is_learned_again() {
    let site = Site::with_options("--warm-up /", THIN);
    site.make();
    ask_often(&site);
    let list = site.kept("learned").remove(0);
    let whole = fs::read(&list).expect("readable");
    for damaged in [
        &whole[..whole.len() / 2],
        b"",
        &[&whole[..64], &[7; 64]].concat(),
    ] {
        fs::write(&list, damaged).expect("written");
        site.make();
        ask_often(&site);
        assert_eq!(site.restored(), "{2}");
        assert!(learned(&site) > EMPTY);
    }
}

#[test]
fn nothing_is_learned_where_addresses_are_few() {
    let site = Site::with_options("--warm-up /", THIN);
    site.make();
    let few = site.shell("ulimit -v 4000000 && exec ./app.cgi");
    for _ in 1..20 {
        assert_eq!(site.restored(), "{2}");
    }
    few.logs("take less CPU").run();
    eventually("the note that nothing is learned", || {
        let list = fs::read(site.kept("learned").remove(0)).expect("noted");
        list.len() as u64 == EMPTY && list[8] == 1
    });
    site.make();
    assert_eq!(site.restored(), "{2}");
}

/// An application that is as [`THIN`] otherwise is answered from images, but not learned from.
#[track_caller]
fn nothing_is_learned(text: &str) {
    let site = Site::with_options("--warm-up /", text);
    site.make();
    ask_often(&site);
    assert_eq!(learned(&site), EMPTY);
    assert_eq!(site.restored(), "{2}");
}

/// A copy of the process that learns must not write to its memory, nor see what is written there later.
#[test]
fn loading_that_forks_is_not_learned_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("loaded");
    let text = format!(
        "import os, sys
def log(what):
    with open('{}', 'a') as file:
        file.write(what)
log('begins ')
table = {{number: [number] for number in range(20_000)}}
begins, goes_on = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    os.read(goes_on[0], 1)
    for number in table:
        assert table[number] == [number], number
        table[number].append('child')
    os._exit(0)
for number in table:
    table[number][0] = -number
os.write(goes_on[1], b'.')
assert os.waitpid(child, 0)[1] == 0
for number in begins + goes_on:
    os.close(number)
assert all(table[number] == [-number] for number in table)
log('ends\\n')
{THIN}",
        log.display()
    );
    nothing_is_learned(&text);
    // Also in the process that was to learn.
    let loaded = fs::read_to_string(log).expect("loaded");
    assert!(loaded.lines().count() >= 4, "{loaded}");
    assert_eq!(loaded.replace("begins ends\n", ""), "");
}

/// Blocks go from thread to thread, and back to a memory that belongs to the first.
#[test]
fn threads_take_and_give_back_memory() {
    let text = "\
import queue, threading, tracemalloc
made = [[number, str(number)] for number in range(10_000)]
def application(environ, start_response):
    tracemalloc.start()
    there, back = queue.Queue(), queue.Queue()
    def work():
        while (numbers := there.get()) is not None:
            back.put([dict.fromkeys(numbers, object()), list(numbers), numbers.pop()])
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(300):
        there.put([made.pop() and number] + [number + other for other in range(1, 20)])
    sums = [sum(back.get()[0]) for _ in range(300)]
    for thread in threads:
        there.put(None)
    for thread in threads:
        thread.join()
    tracemalloc.stop()
    start_response('200 OK', [])
    return [str(sum(sums)).encode()]
";
    let site = Site::with_options("--warm-up /", text);
    site.make();
    ask_often(&site);
    let expected = (0..300).map(|number| (number..number + 20).sum::<u64>());
    assert_eq!(site.restored(), expected.sum::<u64>().to_string());
}

/// More than there is room for.
#[test]
fn a_request_may_take_much_memory() {
    let text = "\
def application(environ, start_response):
    kept = [(number, str(number), {number}) for number in range(60_000)]
    for _ in range(3):
        kept = [(number, text + '.', also | {text}) for number, text, also in kept]
    start_response('200 OK', [])
    return [str(sum(len(text) + len(also) for _, text, also in kept)).encode()]
";
    let site = Site::with_options("--warm-up /", text);
    site.make();
    ask_often(&site);
    let digits = |number: usize| number.to_string().len() + 3 + 4;
    let expected = (0..60_000).map(digits).sum::<usize>();
    assert_eq!(site.restored(), expected.to_string());
}

/// The request that it learns from has the variables that every other has, but no visitor's.
#[test]
fn the_application_learns_with_the_servers_variables() {
    let site = Site::with_options("--warm-up /", "");
    let log = site.file("seen");
    site.write(
        "--warm-up /",
        &format!(
            "import os\ndef application(environ, start_response):\n    \
             with open('{}', 'a') as log:\n        \
             print(os.environ.get('APP_ENV'), environ.get('APP_ENV'), environ.get('HTTP_COOKIE'), file=log)\n    \
             start_response('200 OK', [])\n    return [b'x']\n",
            log.display()
        ),
    );
    let ask = || site.request().variable("APP_ENV", "production");
    let ask = || ask().variable("HTTP_COOKIE", "visitor").logs_anything();
    ask().run();
    eventually("an image", || site.kept("image").len() == 1);
    for _ in 0..20 {
        ask().run();
    }
    eventually("what was learned", || {
        fs::metadata(site.kept("learned").remove(0)).is_ok_and(|list| list.len() > EMPTY)
    });
    let seen = fs::read_to_string(log).expect("seen");
    let mut lines: Vec<&str> = seen.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(
        lines,
        [
            "production None None",
            "production production None",
            "production production visitor"
        ]
    );
}

/// An application that closes what it does not know opens its own files where that was.
#[test]
fn a_closed_descriptor_is_not_taken_for_that_of_the_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("ended");
    let text = format!(
        "import atexit, os
def end():
    with open('{}', 'a') as file:
        file.write('in order')
for name in os.listdir('/proc/self/fd'):
    if os.path.islink('/proc/self/fd/' + name) and 'memfd:wsgi-cgi' in os.readlink('/proc/self/fd/' + name):
        other = os.open(__file__, os.O_RDONLY)
        os.dup2(other, int(name))
        os.close(other)
        atexit.register(end)
{THIN}",
        log.display()
    );
    nothing_is_learned(&text);
    assert_eq!(fs::read_to_string(log).expect("ended"), "in order");
}

/// A making that a request asks for would be without it.
#[test]
fn a_warm_up_of_a_person_is_not_replaced() {
    let site = Site::new(THIN);
    let made = site.command(&["make", "--warm-up", "/", "app.cgi"]);
    assert!(made.status.success());
    for _ in 0..25 {
        assert_eq!(site.restored(), "{2}");
    }
    assert!(site.kept("learned").is_empty());
}
