//! Random generators of C libraries: those that start anew in a copy of the process, and those of
//! which nobody knows, with which there is no image.

use std::process::Command;

use super::super::Site;
use crate::harness::skip;

/// With a generator that goes on from its first seed, which it gets in one way or another.
const LIBRARY: &str = r#"
#include <pthread.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>
static uint64_t state;
static int calls[3];
static void before(void) { calls[0]++; }
static void parent(void) { calls[1]++; }
static void child(void) { calls[2]++; state = 0; }
uint64_t next(int way) {
    if (!state) {
        if (way == 0) getrandom(&state, sizeof state, 0);
        if (way == 1) getentropy(&state, sizeof state);
        if (way == 2) syscall(SYS_getrandom, &state, sizeof state, 0);
        if (way == 3) getrandom(&state, sizeof state, 4);
        if (way == 4) {
            long drawn;
            __asm__ volatile("syscall" : "=a"(drawn)
                : "a"(SYS_getrandom), "D"(&state), "S"(sizeof state), "d"(0) : "rcx", "r11", "memory");
        }
        state |= 1;
    }
    state ^= state << 13; state ^= state >> 7; state ^= state << 17;
    return state;
}
int renewed(void) { return pthread_atfork(before, parent, child); }
int called(int which) { return calls[which]; }
long refused(void) { return syscall(SYS_close, 12345); }
"#;

fn site(loading: &str, expression: &str) -> Site {
    let site = Site::new(&format!(
        "import ctypes, os\nloaded_by = os.getpid()\n\
         own = ctypes.CDLL('./own.so', use_errno=True) if os.path.exists('./own.so') else None\n\
         if own: own.next.restype = ctypes.c_uint64\n{loading}\n\
         def application(environ, start_response):\n    \
         start_response('200 OK', [])\n    \
         return [repr((loaded_by != os.getpid(), {expression})).encode()]\n"
    ));
    std::fs::write(site.file("own.c"), LIBRARY).expect("written");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-pthread", "-o", "own.so", "own.c"])
        .current_dir(site.folder.path())
        .status();
    assert!(compiled.expect("a C compiler").success());
    site
}

#[track_caller]
fn differs(site: &Site) {
    site.make();
    let mut answers: Vec<String> = (0..3).map(|_| site.restored()).collect();
    assert!(
        answers.iter().all(|text| text.starts_with("(True, ")),
        "{answers:?}"
    );
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 3, "{answers:?}");
}

#[test]
fn a_generator_that_cannot_be_reset_is_named() {
    for way in [0, 1, 2, 4] {
        let site = site(&format!("own.next({way})"), "own.next(0)");
        let made = site.command(&["make", "app.cgi"]);
        let log = String::from_utf8_lossy(&made.stderr);
        let reason = "no image: while loading, the application used the random generator of";
        assert!(
            !made.status.success() && log.contains(reason),
            "{way}: {log}"
        );
        assert!(log.contains("own.so`, which cannot be reset"), "{log}");
    }
}

#[test]
fn an_unused_generator_is_not_an_obstacle() {
    for way in 0..3 {
        differs(&site("", &format!("own.next({way})")));
    }
}

/// Rust's hash tables have their keys so.
#[test]
fn bytes_drawn_for_no_secret_are_not_an_obstacle() {
    let site = site("own.next(3)", "1");
    site.make();
    assert_eq!(site.restored(), "(True, 1)");
}

#[test]
fn a_generator_that_is_renewed_after_fork() {
    for way in 0..3 {
        differs(&site(
            &format!("own.renewed()\nown.next({way})"),
            &format!("own.next({way})"),
        ));
    }
}

#[test]
fn fork_handlers_run_once() {
    let site = site("own.renewed()", "[own.called(which) for which in range(3)]");
    site.make();
    for _ in 0..2 {
        assert_eq!(site.restored(), "(True, [1, 0, 1])");
    }
}

#[test]
fn other_system_calls_are_made_as_before() {
    let site = site("", "own.refused(), ctypes.get_errno(), os.getpid() > 0");
    site.make();
    assert_eq!(site.restored(), "(True, -1, 9, True)");
}

#[test]
fn gnutls_at_its_three_levels() {
    for level in 0..3 {
        let site = site(
            &format!(
                "def drawn():\n    bytes = ctypes.create_string_buffer(16)\n    \
                 assert tls.gnutls_rnd({level}, bytes, 16) == 0\n    return bytes.raw\n\
                 try: tls = ctypes.CDLL('libgnutls.so.30')\n\
                 except OSError: drawn = lambda: 'none'\n\
                 drawn()"
            ),
            "drawn()",
        );
        site.make();
        if site.restored().contains("none") {
            skip("GnuTLS is not installed");
            return;
        }
        differs(&site);
    }
}
