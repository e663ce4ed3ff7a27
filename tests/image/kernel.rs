//! What loading does to the process as the kernel knows it: put back in each restored process, or
//! said to be why there is no image. That answers are those of a fresh process is the table's part.

use super::Site;

fn answering(load: &str, expression: &str) -> Site {
    Site::new(&format!(
        "import ctypes, os, resource, signal, sys\nlibc = ctypes.CDLL(None)\n{load}\n\
         def application(environ, start_response):\n    start_response('200 OK', [])\n    \
         return [repr({expression}).encode()]\n"
    ))
}

#[test]
fn a_change_that_can_be_made_again_is_made_again() {
    for (load, expression, expected) in [
        ("os.umask(0o027)", "os.umask(0)", "23"),
        (
            "os.mkdir('data') if not os.path.exists('data') else 0\nos.chdir('data')",
            "os.path.basename(os.getcwd())",
            "'data'",
        ),
        (
            "resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))",
            "resource.getrlimit(resource.RLIMIT_NOFILE)",
            "(200, 300)",
        ),
        (
            "signal.pthread_sigmask(signal.SIG_BLOCK, [10])",
            "[int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])]",
            "[10]",
        ),
        ("os.setpriority(os.PRIO_PROCESS, 0, 9)", "os.nice(0)", "9"),
        (
            "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))",
            "os.sched_getscheduler(0)",
            "3",
        ),
        (
            "os.sched_setaffinity(0, [0])",
            "os.sched_getaffinity(0)",
            "{0}",
        ),
        (
            "libc.prctl(4, 0, 0, 0, 0)",
            "libc.prctl(3, 0, 0, 0, 0)",
            "0",
        ),
        (
            "libc.prctl(38, 1, 0, 0, 0)",
            "libc.prctl(39, 0, 0, 0, 0)",
            "1",
        ),
        (
            "libc.prctl(15, b'my site', 0, 0, 0)",
            "open('/proc/self/comm').read()",
            r"'my site\n'",
        ),
        (
            "libc.prctl(29, 70000, 0, 0, 0)",
            "libc.prctl(30, 0, 0, 0, 0)",
            "70000",
        ),
        (
            "libc.syscall(251, 1, 0, 3 << 13)",
            "libc.syscall(252, 1, 0)",
            "24576",
        ),
        (
            "libm = ctypes.CDLL('libm.so.6')\nlibm.fesetround(0x800)",
            "libm.fegetround()",
            "2048",
        ),
    ] {
        let site = answering(load, expression);
        site.make();
        for _ in 0..2 {
            assert_eq!(site.restored(), expected, "{load}");
        }
    }
}

#[test]
fn a_change_that_cannot_be_made_again_is_named() {
    for (load, reason) in [
        (
            "os.setpgid(0, 0)",
            "changes the process group of the process",
        ),
        ("os.setsid()", "changes the session of the process"),
        (
            "libc.personality(0x0040000)",
            "changes the personality of the process",
        ),
        (
            "import subprocess\nP = subprocess.Popen(['true'])",
            "changes the child processes of the process",
        ),
        (
            "signal.pthread_sigmask(signal.SIG_BLOCK, [10])\nos.kill(os.getpid(), 10)",
            "changes the pending signals of the process",
        ),
        (
            "resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))",
            "changes the limit on the stack of the process",
        ),
        (
            "libc.prctl(0x59616d61, 1, 0, 0, 0)",
            "sets which process may trace it (prctl)",
        ),
        (
            "import mmap\nm = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n\
             libc.mlock(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(m))), 4096)",
            "locked memory",
        ),
    ] {
        let site = answering(load, "1");
        let made = site.command(&["make", "app.cgi"]);
        let log = String::from_utf8_lossy(&made.stderr);
        assert!(
            log.contains("while loading, the application ") && log.contains(reason),
            "{load}: {log}"
        );
        assert!(!made.status.success() && site.kept("image").is_empty());
    }
}

#[test]
fn where_a_change_cannot_be_made_again_a_fresh_process_starts_with_the_original_state() {
    let site = answering(
        "os.chdir('data')\nos.umask(0o027)\nsignal.pthread_sigmask(signal.SIG_BLOCK, [10])",
        "(os.path.basename(os.getcwd()), [int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])])",
    );
    std::fs::create_dir(site.file("data")).expect("a folder");
    site.make();
    assert_eq!(site.restored(), "('data', [10])");
    // What is blocked already when a request comes is no part of the image.
    let blocks = "import os, signal; os.environ.pop('LC_CTYPE', 0); signal.pthread_sigmask(signal.SIG_BLOCK, [12]); \
                  os.execv('./app.cgi', ['./app.cgi'])";
    let request = site.request().program("/usr/bin/python3");
    let answer = request.arguments(&["-c", blocks]).logs_anything().run();
    assert_eq!(answer.text(), "('data', [10, 12])");
    let reason =
        "and its earlier value is not the same in this process as in the one that made the image";
    assert!(answer.log.contains(reason), "{}", answer.log);
}

#[test]
fn a_fresh_process_after_a_failed_restore_starts_with_the_original_state() {
    let site = answering(
        "import sys, types\nos.chdir('data')\nos.nice(3)\nos.umask(0o027)\n\
         sys.modules['snapshot_restore_py'] = hooks = types.ModuleType('snapshot_restore_py')\n\
         def fails():\n    if os.path.exists('fail'): raise OSError('no')\n\
         hooks.get_before_snapshot = list\nhooks.get_after_restore = lambda: [(fails, (), {})]",
        "(os.path.basename(os.getcwd()), os.nice(0), os.umask(0))",
    );
    std::fs::create_dir(site.file("data")).expect("a folder");
    site.make();
    let restored = site.restored();
    std::fs::write(site.file("data/fail"), "").expect("written");
    // As some servers start it.
    let answer = site.shell("exec ./app.cgi").logs_anything().run();
    assert_eq!(answer.text(), restored);
    let reason = "the process restored from the image failed to start: OSError: no";
    assert!(answer.log.contains(reason), "{}", answer.log);
}

#[test]
fn limits_set_while_loading_do_not_limit_the_maker() {
    let site = answering(
        "os.chdir('data')\nos.umask(0o777)\n\
         resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))",
        "(os.umask(0), resource.getrlimit(resource.RLIMIT_FSIZE)[0])",
    );
    std::fs::create_dir(site.file("data")).expect("a folder");
    site.make();
    assert_eq!(site.restored(), "(511, 4096)");
}
