//! Files that are open when loading has ended: opened again in each process, or no image.

use super::{HELLO, Site};

#[test]
fn a_log_is_appended_to_by_each() {
    let site = Site::new(
        "import logging\nlogging.basicConfig(filename='log', level=logging.INFO, format='%(message)s')\n\
         kept = open('kept', 'a')\nkept.write('loaded ')\n\
         def application(environ, start_response):\n    logging.info('request')\n    \
         kept.write('request ')\n    start_response('200 OK', [])\n    return [b'x']\n",
    );
    site.make();
    for _ in 0..3 {
        assert_eq!(site.restored(), "x");
    }
    let read = |name| std::fs::read_to_string(site.file(name)).expect("a file");
    assert_eq!(read("log"), "request\nrequest\nrequest\n");
    // Loading may have taken a second try.
    let kept = read("kept");
    assert!(kept.ends_with("loaded request request request "), "{kept}");
    // A log that was turned over is another file.
    std::fs::rename(site.file("log"), site.file("log.1")).expect("moved");
    assert_eq!(site.cold("`"), "x");
    assert_eq!(read("log"), "request\n");
}

#[test]
fn a_file_keeps_its_read_position() {
    let site = Site::new(
        "import os\nkept = open('text', buffering=1)\nfirst = kept.readline()\n\
         raw = os.open('text', os.O_RDONLY)\nos.read(raw, 4)\nnull = open('/dev/null', 'r+b', buffering=0)\n\
         def application(environ, start_response):\n    null.write(b'x')\n    start_response('200 OK', [])\n    \
         return [(first + kept.readline()).encode(), os.read(raw, 3), str(os.get_inheritable(raw)).encode()]\n",
    );
    std::fs::write(site.file("text"), "one\ntwo\n").expect("written");
    site.make();
    assert_eq!(site.restored(), "one\ntwo\ntwoFalse");
    assert_eq!(site.restored(), "one\ntwo\ntwoFalse");
    std::fs::write(site.file("text"), "1\n22222222\n").expect("written");
    assert_eq!(site.cold("`"), "1\n22222222\n222False");
}

#[test]
fn what_another_process_could_change_is_refused_by_name() {
    for (text, reason) in [
        ("import helper\n", "/data` open (in `helper`)"),
        (
            "import fcntl\nkept = open('data', 'a')\nfcntl.flock(kept, fcntl.LOCK_SH)\n",
            "/data` open",
        ),
        (
            "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n\
             kept = socket.create_connection(server.getsockname())\nserver.detach()\n",
            "open",
        ),
        ("import os\nkept = os.pipe()\n", "pipe:"),
        ("import select\nkept = select.epoll()\n", "open"),
        ("import tempfile\nkept = tempfile.TemporaryFile()\n", "open"),
        (
            "import signal\nsignal.setitimer(signal.ITIMER_REAL, 1000)\n",
            "a timer",
        ),
    ] {
        let site = Site::new(&format!("{text}{HELLO}"));
        std::fs::write(site.file("helper.py"), "kept = open('data', 'w+')\n").expect("written");
        let made = site.command(&["make", "app.cgi"]);
        let log = String::from_utf8_lossy(&made.stderr);
        assert!(
            !made.status.success() && log.contains(reason),
            "{reason}: {log}"
        );
        assert!(site.kept("image").is_empty() && site.kept("new").is_empty());
        assert_eq!(site.cold(""), "cold");
    }
}
