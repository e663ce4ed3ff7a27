//! What a random generator of Python's gives after it was used, or seeded, while loading: other
//! numbers in each process, or where the application chose the seed the same as in a fresh one.

use super::super::Site;

fn site(loading: &str, expression: &str) -> Site {
    Site::new(&format!(
        "import os\nloaded_by = os.getpid()\n{loading}\n\
         def application(environ, start_response):\n    \
         start_response('200 OK', [])\n    \
         return [repr((loaded_by != os.getpid(), {expression})).encode()]\n"
    ))
}

/// What a process answers that was restored.
#[track_caller]
fn drawn(site: &Site) -> String {
    let text = site.restored();
    assert!(text.starts_with("(True, "), "{text}");
    text
}

/// Each process has another; what `status` says of what loading drew.
#[track_caller]
fn differs(loading: &str, expression: &str) -> String {
    let site = site(loading, expression);
    site.make();
    let mut answers: Vec<String> = (0..3).map(|_| drawn(&site)).collect();
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 3, "{loading}: {answers:?}");
    let status = site.command(&["status"]);
    String::from_utf8_lossy(&status.stdout)
        .lines()
        .filter(|line| line.contains("random bytes"))
        .collect()
}

/// Each process has what a fresh one has.
#[track_caller]
fn is_as_in_a_fresh_process(loading: &str, expression: &str) {
    let site = site(loading, expression);
    let fresh = site
        .request()
        .program(super::super::programs().join("wsgi-cgi"))
        .argument(site.script())
        .run()
        .text()
        .replace("(False, ", "(True, ");
    site.make();
    assert_eq!(drawn(&site), fresh, "{loading}");
    assert_eq!(drawn(&site), fresh, "{loading}");
}

#[test]
fn seeded_at_random() {
    for loading in [
        "import random",
        "import random\nrandom.random(); random.gauss(0, 1)",
        "import random\nrandom.seed(1)\nrandom.seed()",
        "import random\nrandom.seed(1)\nrandom.seed(None)",
        "import random\nkept = random.getstate()\nrandom.seed(1)\nrandom.setstate(kept)",
        "import random, time\nrandom.seed(time.time())",
        "import random, time\nrandom.seed(int(time.time() * 1000))",
        "import random\nrandom.seed(os.getpid())",
        "import random\nrandom.seed(os.urandom(16))",
        "import random, secrets\nrandom.seed(secrets.token_hex(8))",
        "import random, secrets\nrandom.seed(secrets.randbits(61))",
    ] {
        assert_eq!(differs(loading, "random.random()"), "");
    }
}

#[test]
fn seeded_by_the_application() {
    for loading in [
        "import random\nrandom.seed(42)",
        "import random\nrandom.seed('a word')",
        "import random\nrandom.seed(b'bytes', version=2)",
        "import random\nrandom.seed(1.5)\nrandom.random()",
        "import random\nrandom.seed(42)\nrandom.gauss(0, 1)",
        "import random\nrandom.seed(1)\nkept = random.getstate()\nrandom.seed()\nrandom.setstate(kept)",
    ] {
        is_as_in_a_fresh_process(loading, "random.random(), random.gauss(0, 1)");
    }
}

/// What loading says of why there is no image.
fn refusal(loading: &str) -> String {
    let site = site(loading, "0");
    let made = site.command(&["make", "app.cgi"]);
    let log = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(log.contains("no image"), "{loading}: {log}");
    log
}

#[test]
fn seeded_with_random_bytes() {
    for loading in [
        "import random, uuid\nrandom.seed(uuid.uuid4().hex + 'x')",
        "import random, secrets\nrandom.seed(secrets.randbelow(10 ** 9))",
        "import random, time\nrandom.seed(time.perf_counter())",
        "import random, time\nrandom.seed(time.monotonic_ns())",
        "import random, time\nrandom.seed(f'{time.time()}')",
        "import random\nrandom.seed(f'{os.getpid()}')",
        "import random\nrandom.seed(os.getpid() * 31)",
        "import random, hashlib\nrandom.seed(hashlib.sha256(os.urandom(8)).hexdigest())",
        "import random\nrandom.seed(id(object()))",
        "import random, secrets\nkept = random.Random(secrets.randbelow(10 ** 9))",
        "import random\nstate = random.Random(os.getppid() + 70000).getstate()\nrandom.setstate(state)",
    ] {
        let log = refusal(loading);
        assert!(
            log.contains("seeded a random generator (in `_wsgi_cgi_app`)"),
            "{log}"
        );
    }
}

/// A constant of the code, wherever it stands.
#[test]
fn seeded_with_a_constant_of_another_module() {
    let site = site(
        "import sys\nsys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))\n\
         import random, settings\nrandom.seed(settings.SEED)",
        "random.random()",
    );
    std::fs::write(site.file("settings.py"), "SEED = 987_654_321\n").expect("a module");
    site.make();
    assert_eq!(drawn(&site), drawn(&site));
}

#[test]
fn read_from_the_device() {
    for loading in [
        "import ctypes\nc = ctypes.CDLL(None)\nkept = c.open(b'/dev/urandom', 0)\nos.close(kept)",
        "import subprocess\nkept = subprocess.check_output(['head', '-c8', '/dev/urandom'])\n\
         import ctypes\nc = ctypes.CDLL(None)\nos.close(c.open(b'/dev/urandom', 0))",
    ] {
        let log = refusal(loading);
        assert!(log.contains("random bytes from `/dev/"), "{log}");
    }
}

#[test]
fn generators_of_its_own() {
    let own = "import random\nclass Own(random.Random): pass\n";
    for made in [
        "random.Random()",
        "random.Random(None)",
        "Own()",
        "random.Random(os.urandom(8))",
    ] {
        let loading = format!("{own}kept = [{made}]\nkept[0].gauss(0, 1)");
        assert_eq!(differs(&loading, "kept[0].random()"), "");
        assert_eq!(differs(&loading, "kept[0].gauss(0, 1)"), "");
    }
    for made in ["random.Random(42)", "Own(7)", "random.Random('word')"] {
        let loading = format!("{own}kept = [{made}]\nkept[0].gauss(0, 1)");
        is_as_in_a_fresh_process(&loading, "kept[0].gauss(0, 1), kept[0].random()");
    }
    differs(
        "import random\nkept = random.SystemRandom()",
        "kept.random()",
    );
}

/// The generator is another's in each process; what it gave while loading they share.
#[test]
fn random_bytes_of_the_system_are_reported_where_they_may_be_kept() {
    for (loading, expression) in [
        ("kept = os.urandom(8)", "os.urandom(8)"),
        ("kept = os.getrandom(8)", "os.getrandom(8)"),
        (
            "import secrets\nkept = secrets.token_hex()",
            "secrets.token_hex()",
        ),
        ("import uuid\nkept = uuid.uuid4()", "uuid.uuid4()"),
        ("kept = open('/dev/urandom', 'rb').read(8)", "os.urandom(8)"),
        (
            "device = os.open('/dev/urandom', 0)\nkept = os.read(device, 8)\nos.close(device)",
            "os.urandom(8)",
        ),
        ("import ssl\nkept = ssl.RAND_bytes(8)", "ssl.RAND_bytes(8)"),
    ] {
        assert_eq!(
            differs(loading, expression),
            "  while loading, the application drew random bytes (`_wsgi_cgi_app`), which all requests share: draw them \
             when a request needs them",
            "{loading}"
        );
        is_as_in_a_fresh_process(loading, "os.urandom, repr(os.urandom.__self__)");
    }
    assert_eq!(
        differs("import hashlib", "hashlib.sha256(os.urandom(9)).digest()"),
        ""
    );
}

#[test]
fn what_the_standard_library_draws_for_itself() {
    for (loading, expression) in [
        ("import tempfile\ntempfile.mktemp()", "tempfile.mktemp()"),
        (
            "import email.utils\nemail.utils.make_msgid()",
            "email.utils.make_msgid(domain='a')",
        ),
        (
            "import multiprocessing",
            "bytes(multiprocessing.current_process().authkey)",
        ),
    ] {
        assert_eq!(differs(loading, expression), "", "{loading}");
    }
    is_as_in_a_fresh_process(
        "import multiprocessing\nmultiprocessing.current_process().authkey = b'own'",
        "bytes(multiprocessing.current_process().authkey)",
    );
}

#[test]
fn sqlites() {
    let open = "import sqlite3\nkept = sqlite3.connect(':memory:')\n\
                kept.execute('select random()').fetchone()\n\
                kept.execute('create table t (token default (hex(randomblob(8))))')";
    for expression in [
        "kept.execute('select random()').fetchone()",
        "kept.execute('select hex(randomblob(8))').fetchone()",
        "kept.execute('insert into t default values returning token').fetchall()",
        "sqlite3.connect(':memory:').execute('select random()').fetchone()",
    ] {
        assert_eq!(differs(open, expression), "", "{expression}");
    }
}

#[test]
fn no_two_processes_share_the_clock_of_uuid1() {
    let site = site("import uuid\nuuid.uuid1()", "uuid.uuid1()");
    let made = site.command(&["make", "app.cgi"]);
    let log = String::from_utf8_lossy(&made.stderr);
    assert!(
        log.contains("`uuid.uuid1` in `_wsgi_cgi_app`") && log.contains("no image"),
        "{log}"
    );
    differs("import uuid", "uuid.uuid1()");
}
