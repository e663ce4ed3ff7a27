//! After the restore: a new process in everything that an application can ask.

use super::{HELLO, Site};

/// Answers with what an expression gives.
fn expression(before: &str, expression: &str) -> Site {
    let site = Site::new(&format!(
        "import os, sys, threading, subprocess, time, random, ctypes\n{before}\n\
         def application(environ, start_response):\n    start_response('200 OK', [])\n    \
         return [repr(({expression})).encode()]\n"
    ));
    site.make();
    site
}

#[track_caller]
fn gives(before: &str, text: &str, expected: &str) {
    assert_eq!(expression(before, text).restored(), expected, "{text}");
}

#[test]
fn the_process_is_its_own() {
    gives("loaded = os.getpid()", "loaded != os.getpid()", "True");
    gives("", "os.getpid() == int(os.readlink('/proc/self'))", "True");
    gives("", "threading.get_native_id() == os.getpid()", "True");
    gives(
        "",
        "os.environ['PATH_INFO'], os.environ['SCRIPT_NAME']",
        "('/', '/app')",
    );
    gives(
        "",
        "subprocess.check_output(['sh', '-c', 'echo $PATH_INFO'])",
        "b'/\\n'",
    );
    gives("", "os.path.basename(sys.argv[0])", "'app.cgi'");
    gives("", "len(os.listdir('/proc/self/task'))", "1");
}

#[test]
fn working_directory_umask_and_time_zone_are_the_requests() {
    let site = expression(
        "def umask():\n    old = os.umask(0)\n    os.umask(old)\n    return old",
        "os.getcwd() == os.environ['HERE'], umask(), time.tzname[0]",
    );
    let here = site.folder.path().canonicalize().expect("a path");
    let run = |zone| {
        let command = format!("umask 027 && exec {}", site.script().display());
        site.request()
            .program("/bin/sh")
            .arguments(&["-c", &command])
            .variable("HERE", &here)
            .variable("TZ", zone)
            .logs_anything()
            .run()
            .text()
            .to_owned()
    };
    assert_eq!(run("XYZ-1"), "(True, 23, 'XYZ')");
}

#[test]
fn threads_children_and_memory_work() {
    gives(
        "def threaded():\n    seen = []\n    t = threading.Thread(target=seen.append, args=(1,))\n    \
         t.start()\n    t.join()\n    return seen",
        "threaded()",
        "[1]",
    );
    gives(
        "def forked():\n    pid = os.fork()\n    if pid == 0: os._exit(7)\n    \
         return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])",
        "forked()",
        "7",
    );
    gives(
        "",
        "subprocess.run(['echo', 'x'], capture_output=True).stdout",
        "b'x\\n'",
    );
    gives(
        "",
        "len([object() for _ in range(1000000)]), len(bytearray(200000000))",
        "(1000000, 200000000)",
    );
    gives(
        "libc = ctypes.CDLL(None)\nlibc.malloc.restype = ctypes.c_void_p",
        "all(libc.malloc(n) for n in range(1, 60000, 7))",
        "True",
    );
}

#[test]
fn the_stack_has_its_whole_room() {
    // Python limits how deep it calls itself, each version otherwise: the kernel is asked.
    gives(
        "def room():
    low = top = int(open('/proc/self/syscall').read().split()[-2], 16)
    for line in reversed(open('/proc/self/maps').read().splitlines()):
        start, end = [int(number, 16) for number in line.split()[0].split('-')]
        if start <= low <= end and 'rw' in line: low = start
    return (top - low) >> 20
",
        "room() >= 7",
        "True",
    );
    gives(
        "import re",
        "re.match(r'(?:(?:(?:a|b)|c)*)*d', 'abc' * 20000 + 'd') is not None",
        "True",
    );
}

#[test]
fn random_numbers_are_not_those_of_the_image() {
    let site = expression("", "random.random(), os.urandom(4)");
    assert_ne!(site.restored(), site.restored());
    let site = expression("import ssl, uuid", "ssl.RAND_bytes(8), uuid.uuid4()");
    assert_ne!(site.restored(), site.restored());
}

#[test]
fn the_body_is_read_and_what_is_printed_is_logged() {
    let site = Site::new(
        "import sys\ndef application(environ, start_response):\n    body = environ['wsgi.input'].read()\n    \
         print('printed', file=sys.stderr)\n    start_response('200 OK', [])\n    return [body]\n",
    );
    site.make();
    let answer = site.request().post("content").logs("printed").run();
    assert_eq!(answer.text(), "content");
}

#[test]
fn an_exception_is_a_whole_page() {
    let site = Site::new("def application(environ, start_response):\n    raise LookupError('x')\n");
    site.make();
    let answer = site.request().exits(1).logs("LookupError: x").run();
    answer.error_id();
    assert_eq!(site.kept("image").len(), 1, "an exception is no crash");
}

#[test]
fn a_timeout_counts_after_the_restore() {
    let site = Site::with_options(
        "--timeout 0.3",
        "import time\ndef application(environ, start_response):\n    time.sleep(60)\n",
    );
    site.make();
    let answer = site
        .request()
        .exits(1)
        .logs("timed out after 0.3 s (--timeout)")
        .run();
    assert_eq!(answer.status, "504 Gateway Timeout");
}

#[test]
fn exit_callbacks_run_in_each_process() {
    let site = Site::new(
        "import atexit\nlog = open('log', 'a')\nlog.close()\n\
         atexit.register(lambda: open('log', 'a').write('exit '))\n\
         def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'x']\n",
    );
    site.make();
    site.restored();
    site.restored();
    assert_eq!(
        std::fs::read_to_string(site.file("log")).expect("a log"),
        "exit exit "
    );
}

#[test]
fn a_client_that_has_gone_does_not_count_as_a_crash() {
    let site = Site::new(HELLO);
    site.make();
    let (mut child, _folder) = site.request().spawn();
    drop(child.stdin.take());
    drop(child.stdout.take());
    child.wait().expect("ended");
    assert_eq!(site.restored(), "restored");
}
