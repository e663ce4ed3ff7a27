//! Making images, by the first request and by hand.

use super::{HELLO, Site, eventually, programs};
use crate::harness::{python, skip};

#[test]
fn the_first_request_is_cold_and_has_an_image_made() {
    let site = Site::new(HELLO);
    assert_eq!(site.cold("there is no image yet"), "cold");
    eventually("an image", || !site.kept("image").is_empty());
    assert_eq!(site.restored(), "restored");
    assert_eq!(site.restored(), "restored");
}

#[test]
fn images_are_made_listed_and_removed_by_hand() {
    let site = Site::new(HELLO);
    site.make();
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(site.image())
            .expect("an image")
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let status = site.command(&["status"]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(
        status.contains("/app.cgi  ") && status.contains(" kB "),
        "{status}"
    );
    let of = |script| {
        let status = site.command(&["status", script]);
        String::from_utf8_lossy(&status.stdout).into_owned()
    };
    assert!(status.starts_with(&of("app.cgi")), "{status}");
    std::fs::write(site.file("other.cgi"), HELLO).expect("written");
    assert!(of("other.cgi").starts_with("There is no image"));
    assert_eq!(site.restored(), "restored");
    assert!(site.command(&["drop", "app.cgi"]).status.success());
    assert!(site.kept("image").is_empty());
    site.cold("there is no image yet");
}

#[test]
fn side_effects_of_loading_happen_once_for_the_image_and_not_for_each_request() {
    let site = Site::new(&format!(
        "with open('loads', 'a') as file:\n    file.write('x')\n{HELLO}"
    ));
    site.make();
    let loads = || std::fs::read_to_string(site.file("loads")).expect("a file");
    let made = loads();
    assert!(!made.is_empty());
    for _ in 0..3 {
        assert_eq!(site.restored(), "restored");
    }
    assert_eq!(loads(), made);
}

#[test]
fn making_an_image_that_no_request_uses_says_so() {
    let site = Site::new(HELLO);
    let text = std::fs::read_to_string(site.script()).expect("a script");
    std::fs::write(site.file("plain.py"), text.replace(" --image", "")).expect("written");
    let made = site.command(&["make", "plain.py"]);
    let log = String::from_utf8_lossy(&made.stderr);
    assert!(
        log.contains("write `#!/path/to/wsgi-cgi --image` in the script's first line"),
        "{log}"
    );
    let made = site.command(&["make", "app.cgi"]);
    assert_eq!(String::from_utf8_lossy(&made.stderr), "");
}

#[test]
fn an_image_for_other_groups_is_marked_in_the_status() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root may have other groups");
    }
    let site = Site::new(HELLO);
    let program = programs().join("wsgi-cgi");
    let command = format!(
        "setpriv --groups 12345 {} image make app.cgi",
        program.display()
    );
    let made = std::process::Command::new("sh")
        .args(["-ec", &command])
        .current_dir(site.folder.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("WSGI_CGI_CACHE_DIR", site.cache())
        .status();
    assert!(made.expect("sh").success());
    let status = site.command(&["status"]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(
        status.contains("\n  not usable here: made with other supplementary groups (12345)\n"),
        "{status}"
    );
}

#[test]
fn a_hundred_first_requests_are_all_answered_and_make_one_image() {
    let site = Site::new(HELLO);
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                let answer = site.request().logs_anything().run();
                assert!(["cold", "restored"].contains(&answer.text()));
            });
        }
    });
    eventually("an image", || !site.kept("image").is_empty());
    site.image();
    assert_eq!(site.restored(), "restored");
}

#[test]
fn state_that_cannot_be_restored_is_refused_with_the_reason() {
    for (text, reason) in [
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(1,)).start()\n",
            "started 1 threads",
        ),
        ("kept = open('data', 'w')\n", "/data` open"),
        ("import socket\nkept = socket.socket()\n", "open"),
        (
            "import mmap\nkept = mmap.mmap(-1, 4096)\n",
            "writable memory that processes share",
        ),
        ("raise LookupError('not today')\n", "LookupError: not today"),
        (
            "import os\nos.environ.get('REMOTE_USER')\n",
            "reads REMOTE_USER",
        ),
    ] {
        let site = Site::new(&format!("{text}{HELLO}"));
        let made = site.command(&["make", "app.cgi"]);
        let log = String::from_utf8_lossy(&made.stderr);
        assert!(
            !made.status.success() && log.contains(reason),
            "{reason}: {log}"
        );
        let status = site.command(&["status"]);
        assert!(
            String::from_utf8_lossy(&status.stdout).contains(reason),
            "{reason}"
        );
        assert!(site.kept("image").is_empty() && site.kept("new").is_empty());
    }
}

#[test]
fn an_application_that_is_refused_stays_cold_without_further_attempts() {
    let site = Site::new(&format!("kept = open('data', 'w')\n{HELLO}"));
    assert!(!site.command(&["make", "app.cgi"]).status.success());
    let answer = site.request().logs("/app.cgi: no image: ").run();
    assert_eq!(answer.text(), "cold");
    // Once it is mended, a request has one made.
    site.write("", HELLO);
    assert_eq!(site.cold("there is no image yet"), "cold");
    eventually("an image", || !site.kept("image").is_empty());
    assert_eq!(site.restored(), "restored");
}

#[test]
fn files_of_the_kernel_do_not_count_as_changing() {
    let site = Site::new(&format!("open('/proc/self/status').read()\n{HELLO}"));
    site.make();
    assert_eq!(site.restored(), "restored");
}

#[test]
fn the_image_is_made_after_the_warm_up() {
    let site = Site::new(
        "calls = []\ndef application(environ, start_response):\n    calls.append(environ['PATH_INFO'])\n    \
         start_response('200 OK', [])\n    return [' '.join(calls).encode()]\n",
    );
    let made = site.command(&["make", "--warm-up", "/ahead?x", "app.cgi"]);
    assert!(made.status.success());
    assert_eq!(site.restored(), "/ahead /");
    assert_eq!(site.restored(), "/ahead /");
}

#[test]
fn an_image_that_a_request_starts_is_warmed_up_too() {
    let site = Site::with_options(
        "--warm-up /ahead",
        "seen = []\ndef application(environ, start_response):\n    \
         seen.append(environ['PATH_INFO'])\n    start_response('200 OK', [])\n    \
         return [' '.join(seen).encode()]\n",
    );
    site.cold("there is no image yet");
    eventually("an image", || !site.kept("image").is_empty());
    assert_eq!(site.restored(), "/ahead /");
}

#[test]
fn the_steps_of_a_restore_can_be_printed() {
    let site = Site::new(HELLO);
    site.make();
    let status = site.command(&["status", "--explain", "app.cgi"]);
    let status = String::from_utf8(status.stdout).expect("text");
    let lines = status.lines().skip(1).map(str::trim_start);
    let (watched, steps): (Vec<&str>, Vec<&str>) =
        lines.partition(|line| line.starts_with("watch "));
    assert!(
        watched.iter().any(|line| line.ends_with("/app.cgi")),
        "{status}"
    );
    assert!(steps.len() > 10, "{status}");
    assert!(steps[0].starts_with("map "), "{status}");
    assert!(steps.iter().any(|step| step.ends_with(" vdso")), "{status}");
    assert!(steps[steps.len() - 1].starts_with("jump "), "{status}");
}

#[test]
fn no_variable_of_a_request_is_in_an_image() {
    let site = Site::new(HELLO);
    site.request()
        .variable("HTTP_COOKIE", "secret-of-a-visitor")
        .variable("UNIQUE_ID", "secret-of-a-request")
        .logs_anything()
        .run();
    eventually("an image", || !site.kept("image").is_empty());
    let image = std::fs::read(site.image()).expect("an image");
    assert!(memchr::memmem::find(&image, b"secret-of-a").is_none());
}

/// Who has an image made by hand waits for whoever is at it, and has one then.
#[test]
fn image_make_waits_for_another_maker() {
    let site = Site::new(HELLO);
    site.make();
    let [image] = site.kept("image").try_into().expect("one image");
    let lock = image.with_extension("lock");
    std::fs::remove_file(&image).expect("removed");
    let holding = "import fcntl, sys\nlock = open(sys.argv[1], 'a')\nfcntl.flock(lock, fcntl.LOCK_EX)\n\
                   print('held', flush=True)\nsys.stdin.read()\n";
    let mut other = std::process::Command::new(python())
        .args(["-c", holding])
        .arg(&lock)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python");
    let mut held = [0; 4];
    let stdout = other.stdout.as_mut().expect("piped");
    std::io::Read::read_exact(stdout, &mut held).expect("its word");
    std::thread::scope(|scope| {
        let making = scope.spawn(|| site.make());
        // Until it is let go there is none, however long it takes.
        assert!(!making.is_finished() && !image.exists());
        drop(other.stdin.take());
        making.join().expect("made");
    });
    other.wait().expect("its end");
    assert!(image.exists());
    assert_eq!(site.restored(), "restored");
}
