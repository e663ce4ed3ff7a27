//! What no handler in the application's process can catch: the process that waits beside it answers, with
//! a whole 500, and says in the log what happened.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::cgi::{Answer, Cgi, exit_code};
use crate::harness::{copy_programs, folder, launcher, program, python, skip};
use crate::image::little::FILTER;

/// Where in its life the application's process ends in this way.
const MOMENTS: [&str; 7] = [
    "END\ndef application(environ, start_response): pass",
    "def application(environ, start_response):\n    END",
    "def application(environ, start_response):\n    start_response('200 OK', [])\n    END",
    "def application(environ, start_response):\n    start_response('200 OK', [])\n    \
     write = environ['wsgi.input'].read()\n    END",
    "def application(environ, start_response):\n    start_response('200 OK', [])\n    \
     yield b''\n    END",
    "import threading\ndef end():\n    END\ndef application(environ, start_response):\n    \
     threading.Thread(target=end).start()\n    import time\n    time.sleep(60)",
    "class Ends:\n    def __iter__(self):\n        END\ndef application(environ, start_response):\n    \
     return Ends()",
];

#[track_caller]
fn answered(cgi: Cgi, exit: i32, said: &str) -> Answer {
    let answer = cgi.exits(exit).logs(said).run();
    assert_eq!(answer.status, "500 Internal Server Error");
    let id = answer.error_id();
    assert!(answer.log.contains(id), "{}", answer.log);
    answer
}

fn each_moment(end: &str, exit: i32, said: &str) {
    for moment in MOMENTS {
        let text = format!(
            "import ctypes, os, signal\n{}\n",
            moment.replace("END", end)
        );
        let answer = answered(Cgi::source(&text).post("a body"), exit, said);
        let inside = ["SIGKILL", "exit status", "python", "/tmp"];
        assert!(inside.iter().all(|word| !answer.text().contains(word)));
    }
}

#[test]
fn killed() {
    let end = "os.kill(os.getpid(), signal.SIGKILL)";
    each_moment(
        end,
        128 + 9,
        "killed by SIGKILL before it answered: it had used ",
    );
}

#[test]
fn left_by_os_exit() {
    let called = "before it answered: it called `os._exit` or `os.exec*`";
    each_moment(
        "os._exit(3)",
        3,
        &format!("ended with exit status 3 {called}"),
    );
    each_moment("os._exit(0)", 0, "ended with exit status 0");
}

#[test]
fn replaced_by_another_program() {
    // Past Python's own functions, which are refused.
    let end = "ctypes.CDLL(None).execl(b'/bin/echo', b'echo', b'Status: 200 OK', None)";
    each_moment(end, 0, "called `os._exit` or `os.exec*`");
}

/// Whatever is left of the memory when the limit comes, in the program, in Python's start, in the executor.
#[test]
fn a_limit_on_memory() {
    let folder = folder();
    let script = script(folder.path(), "app.py", HELLO);
    for limit in (10..=40).step_by(2).map(|megabytes| megabytes * 1000) {
        let done = Command::new("sh")
            .args(["-c", "ulimit -v $1; exec \"$2\" \"$3\"", "sh"])
            .arg(limit.to_string())
            .args([program(), &script])
            .env_clear()
            .envs(REQUEST)
            .stdin(Stdio::null())
            .output()
            .expect("sh");
        let (answer, log) = (Answer::parse(done.stdout), done.stderr);
        let is_whole = answer.body.len().to_string() == answer.header("Content-Length")[0];
        assert!(is_whole, "{limit}: {answer:?}");
        assert!(
            answer.status == "200 OK" || !log.is_empty(),
            "{limit}: {}",
            String::from_utf8_lossy(&log)
        );
    }
}

/// The head has no room while it is put together: nothing of it was sent.
#[test]
fn a_limit_on_memory_that_the_head_meets() {
    let text = "import resource\ndef application(environ, start_response):\n    \
                start_response('200 OK', [('X-Long', 'a' * 40_000_000)])\n    \
                pages = int(open('/proc/self/statm').read().split()[0])\n    \
                limit = pages * resource.getpagesize() + 8_000_000\n    \
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n    \
                return [b'body']\n";
    let killed = "the process was killed by SIGABRT (abort)";
    answered(Cgi::source(text), 128 + 6, killed);
}

#[test]
fn a_limit_on_cpu_time() {
    let folder = folder();
    let script = script(folder.path(), "app.py", "while True: pass");
    for (limit, said) in [
        ("-S -t 1", "SIGXCPU: its CPU time limit is 1 s (RLIMIT_CPU)"),
        ("-t 1", " s of CPU time (allowed: 1 s, RLIMIT_CPU)"),
    ] {
        let done = Command::new("sh")
            .args(["-c", "ulimit $1; exec \"$2\" \"$3\"", "sh", limit])
            .args([program(), &script])
            .env_clear()
            .envs(REQUEST)
            .stdin(Stdio::null())
            .output()
            .expect("sh");
        let answer = Answer::parse(done.stdout);
        assert_eq!(answer.status, "500 Internal Server Error", "{limit}");
        let log = String::from_utf8_lossy(&done.stderr);
        assert!(log.contains(said), "{limit}: {log}");
    }
}

/// In a container there mostly is a filter of system calls.
#[test]
fn under_a_seccomp_filter() {
    if cfg!(not(target_arch = "x86_64")) {
        return skip("the filter is for x86-64");
    }
    let text = "import os\ndef application(environ, start_response):\n    os._exit(3)\n";
    let folder = folder();
    let script = script(folder.path(), "app.py", text);
    let cgi = Cgi::bare().program(python());
    let cgi = cgi.arguments(&["-c", FILTER]).argument(program());
    let cgi = cgi.argument(script);
    answered(cgi, 3, "ended with exit status 3");
}

/// A server may have left every signal blocked: the end of the other process is seen all the same.
#[test]
fn where_signals_are_blocked() {
    const BLOCKED: &str = "import os, signal, sys\n\
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n\
        os.execv(sys.argv[1], sys.argv[1:])\n";
    let text = "import os, signal\ndef application(environ, start_response):\n    \
                os.kill(os.getpid(), signal.SIGKILL)\n";
    let folder = folder();
    let script = script(folder.path(), "app.py", text);
    let cgi = Cgi::bare().program(python());
    let cgi = cgi.arguments(&["-c", BLOCKED]).argument(program());
    let cgi = cgi.argument(script);
    answered(cgi, 128 + 9, "killed by SIGKILL");
}

/// The process that answers ends with the one that waits, whatever ends that.
#[test]
fn no_process_is_left_behind() {
    let text = "import os, time\nprint('pid', os.getpid(), flush=True)\ntime.sleep(60)\n";
    let (mut child, _folder) = Cgi::source(text).spawn();
    let mut log = std::io::BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut log, &mut line).expect("a line");
    let pid = line
        .trim()
        .strip_prefix("pid ")
        .expect("a number")
        .to_owned();
    assert_ne!(pid, child.id().to_string());
    child.kill().expect("killed");
    child.wait().expect("ended");
    // The pipe ends with the last process that has it.
    std::io::Read::read_to_string(&mut log, &mut line).expect("the end");
    let is_there = || {
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !status.is_empty() && !status.contains(") Z ")
    };
    let patience = Instant::now() + Duration::from_secs(30);
    while is_there() {
        assert!(Instant::now() < patience, "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A Python of this text in the place of the real one.
fn with_python(text: &str) -> (tempfile::TempDir, Cgi) {
    let folder = folder();
    let python = script(folder.path(), "python3", text);
    let cgi = Cgi::source(HELLO).option("--python").option(python);
    (folder, cgi)
}

#[test]
fn a_python_that_prints() {
    let text = "#!/bin/sh\necho Status: 200 OK\necho\necho not this\n";
    let (_folder, cgi) = with_python(text);
    let answer = answered(cgi, 0, "python3`) did not start: run it by hand to see why");
    assert!(answer.log.contains("not this"), "{}", answer.log);
}

#[test]
fn a_python_that_is_too_old_says_so() {
    let text = format!(
        "#!/bin/sh\nexec {} -S -c 'import sys; sys.version_info = (3, 8, 1); words = sys.argv; \
         sys.argv = words[:1] + words[4:]; exec(words[3])' \"$@\"\n",
        python()
    );
    let (_folder, cgi) = with_python(&text);
    answered(cgi, 78, "CPython 3.9 or newer is needed");
}

#[test]
fn a_python_that_cannot_be_started() {
    // As a program for another kind of processor begins.
    let other = "\u{7f}ELF\u{2}\u{1}\u{1}\0\0\0\0\0\0\0\0\0\u{2}\0\u{15}\0\u{1}\0\0\0";
    let (_folder, cgi) = with_python(other);
    answered(cgi, 1, "cannot be started: Exec format error");
    let (_folder, cgi) = with_python("#!/no/such/interpreter\n");
    answered(cgi, 1, "cannot be started: No such file or directory");
    let cgi = Cgi::source(HELLO).option("--python").option("/no/python3");
    answered(cgi, 1, "`/no/python3` (--python): No such file");
    let cgi = Cgi::source(HELLO).option("--python").option("/usr");
    answered(cgi, 1, "`/usr` (--python) is not a program");
}

#[test]
fn a_python_that_was_removed() {
    let folder = folder();
    let venv = folder.path().join("venv");
    fs::create_dir_all(venv.join("bin")).expect("a folder");
    fs::write(venv.join("pyvenv.cfg"), "home = /opt/removed\n").expect("a file");
    symlink("/opt/removed/python3", venv.join("bin/python3")).expect("a link");
    let cgi = Cgi::source(HELLO).option("--venv").option(&venv);
    answered(cgi, 1, "`/opt/removed/python3` does not exist");
}

#[test]
fn an_executor_that_is_missing_or_not_an_elf_file() {
    let folder = folder();
    copy_programs(folder.path());
    let executor = folder.path().join("_wsgi_cgi.abi3.so");
    let cgi = || {
        let own = folder.path().join("wsgi-cgi");
        Cgi::source(HELLO).program(own)
    };
    fs::remove_file(&executor).expect("removed");
    let said = format!("looked for `{}`", executor.display());
    answered(cgi(), 1, &said);
    fs::write(&executor, "not a library").expect("written");
    let answer = answered(cgi(), 1, "is not an ELF file");
    assert!(answer.log.contains("_wsgi_cgi.abi3.so"), "{}", answer.log);
    // What only Python's loader can tell.
    fs::copy("/bin/true", &executor).expect("copied");
    let answer = answered(cgi(), 78, "cannot load the executor");
    assert!(answer.log.contains("_wsgi_cgi.abi3.so"), "{}", answer.log);
}

#[test]
fn where_no_second_process_can_be_started() {
    if launcher::is_wanted() || !rustix::process::geteuid().is_root() {
        return skip("only root can act as a user that has no process left");
    }
    let folder = folder();
    copy_programs(folder.path());
    let script = script(folder.path(), "app.py", HELLO);
    // No other process is this user's.
    let done = Command::new("setpriv")
        .args(["--reuid=64321", "--regid=64321", "--clear-groups"])
        .args(["bash", "-c", "ulimit -u 1; exec \"$1\" \"$2\"", "sh"])
        .arg(folder.path().join("wsgi-cgi"))
        .arg(script)
        .env_clear()
        .envs(REQUEST)
        .output()
        .expect("setpriv");
    let log = String::from_utf8_lossy(&done.stderr);
    assert_eq!((exit_code(done.status), &*log), (0, ""));
    assert_eq!(Answer::parse(done.stdout).text(), "hello");
}

const HELLO: &str = "def application(environ, start_response):\n    \
                     start_response('200 OK', [])\n    return [b'hello']\n";

const REQUEST: [(&str, &str); 4] = [
    ("GATEWAY_INTERFACE", "CGI/1.1"),
    ("REQUEST_METHOD", "GET"),
    ("PATH_INFO", "/"),
    ("PATH", "/usr/bin:/bin"),
];

fn script(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    let written = folder.join("written");
    fs::write(&written, text).expect("a file");
    fs::set_permissions(&written, Permissions::from_mode(0o755)).expect("a mode");
    // Another process copies: nothing here has it open for writing when it is run.
    let copied = Command::new("cp")
        .arg("-p")
        .args([&written, &path])
        .status();
    assert!(copied.expect("cp").success());
    path
}

/// A bug of the program itself, which a variable plants in what was built with assertions.
#[test]
fn a_panic_while_an_image_is_looked_for_costs_the_image_only() {
    let answer = Cgi::app("hello.py").variable("TEST_WSGI_CGI_PANIC", "image");
    let answer = answer.logs("bug in wsgi-cgi: panicked at ").run();
    assert_eq!(answer.status, "200 OK");
}

#[test]
fn a_panic_before_python_is_started_is_a_500() {
    let answer = Cgi::app("hello.py").variable("TEST_WSGI_CGI_PANIC", "answer");
    let answer = answer.logs("bug in wsgi-cgi: panicked at ").exits(1).run();
    assert_eq!(answer.status, "500 Internal Server Error");
    let length = answer.text().len().to_string();
    assert_eq!(answer.header("content-length"), [length.as_str()]);
    assert!(!answer.text().contains("planted"), "{}", answer.text());
}
