//! The store for users whose home has none: what an administrator's one command makes serves every
//! user, and no user gets at another's folder in it or takes its place.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{HELLO, Site, eventually};
use crate::harness::cgi::Cgi;
use crate::harness::instead::{self, Instead};

/// Who has no home, and somebody else.
const USER: u32 = 65_534;
const OTHER: u32 = 65_533;

/// What the log says to do.
const REMEDY: &str = "sudo install -d -m 1733 /var/cache/wsgi-cgi";

/// A script, and a machine whose `/var/cache` is a folder of the test's.
struct Machine(Site);

impl Machine {
    /// Without the store; none where there can be no such machine.
    fn bare(text: &str) -> Option<Self> {
        if !instead::is_possible() {
            return None;
        }
        let site = Site::new(text);
        site.with_own_programs();
        for folder in ["var-cache", "home"] {
            fs::create_dir(site.file(folder)).expect("a folder");
        }
        Some(Self(site))
    }

    /// With the store, as the command makes it.
    fn new() -> Option<Self> {
        let machine = Self::bare(HELLO)?;
        machine.root(REMEDY);
        Some(machine)
    }

    fn store(&self) -> PathBuf {
        self.0.file("var-cache/wsgi-cgi")
    }

    /// The user's folder in it.
    fn own(&self) -> PathBuf {
        self.store().join(USER.to_string())
    }

    fn home(&self) -> PathBuf {
        self.0.file("home")
    }

    /// The words before a command that is run there as that user.
    fn words(&self, user: u32) -> Vec<std::ffi::OsString> {
        let mut words = Instead::default()
            .of("/var/cache", self.0.file("var-cache"))
            .words();
        words.push("setpriv".into());
        for option in ["reuid", "regid"] {
            words.push(format!("--{option}={user}").into());
        }
        words.push("--clear-groups".into());
        words
    }

    /// A GET by the user without a home.
    fn request(&self) -> Cgi {
        let words = self.words(USER);
        let mut request = self.0.request().program(&words[0]);
        for word in &words[1..] {
            request = request.argument(word);
        }
        request
            .argument(self.0.script())
            .without("WSGI_CGI_CACHE_DIR")
            .variable("HOME", self.home())
            // No note keeps a request from saying again what the last one said.
            .variable("TMPDIR", "/nowhere")
    }

    fn run(&self, user: u32, command: &str) -> Output {
        let words = self.words(user);
        Command::new(&words[0])
            .args(&words[1..])
            .args(["sh", "-c", command])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home())
            .current_dir(self.0.folder.path())
            .output()
            .expect("a shell")
    }

    /// A command of the administrator's, without `sudo`.
    #[track_caller]
    fn root(&self, command: &str) {
        let done = self.run(0, &command.replace("sudo ", ""));
        assert!(done.status.success(), "{done:?}");
    }

    #[track_caller]
    fn settles(&self) {
        eventually("an image", || {
            self.request().logs_anything().run().text() == "restored"
        });
    }

    /// The request is cold, and the log has one line, which says this.
    #[track_caller]
    fn is_cold(&self, text: &str) -> String {
        let answer = self.request().logs(text).run();
        assert_eq!(answer.text(), "cold");
        assert_eq!(answer.log.lines().count(), 1, "{}", answer.log);
        answer
            .log
            .replace(&self.0.folder.path().display().to_string(), "")
    }
}

/// The files of a folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut entries: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    entries
}

fn mode(path: &Path) -> (u32, u32) {
    let about = fs::symlink_metadata(path).expect("a file");
    (about.uid(), about.mode() & 0o7777)
}

#[test]
fn the_log_has_the_command_that_makes_it() {
    let Some(machine) = Machine::bare(HELLO) else {
        return;
    };
    let line = machine.is_cold("cannot make an image");
    assert!(
        line.contains("`/home/.cache/wsgi-cgi`: Permission denied"),
        "{line}"
    );
    let command = line.split('`').find(|words| words.starts_with("sudo "));
    assert_eq!(command, Some(REMEDY), "{line}");
    machine.root(REMEDY);
    assert_eq!(mode(&machine.store()), (0, 0o1733));
    machine.is_cold("there is no image yet");
    machine.settles();
    assert_eq!(mode(&machine.own()), (USER, 0o700));
    // Once more it changes nothing.
    machine.root(REMEDY);
    assert_eq!(machine.request().run().text(), "restored");
}

#[test]
fn it_is_where_images_are_listed_and_removed_too() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let image = |arguments: &str| {
        let done = machine.run(USER, &format!("./wsgi-cgi image {arguments}"));
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).expect("text")
    };
    image("make app.cgi");
    assert_eq!(machine.request().run().text(), "restored");
    assert!(image("status").contains("/app.cgi  "));
    image("drop app.cgi");
    assert!(image("status").contains(&format!(
        "There is no image in `/var/cache/wsgi-cgi/{USER}`"
    )));
}

#[test]
fn a_writable_home_comes_before_the_store() {
    let Some(machine) = Machine::new() else {
        return;
    };
    chown(machine.home(), Some(USER), Some(USER)).expect("given away");
    machine.settles();
    assert!(machine.home().join(".cache/wsgi-cgi").is_dir() && !machine.own().exists());
    // What others could write to is none.
    let own = machine.home().join(".cache/wsgi-cgi");
    fs::set_permissions(own, Permissions::from_mode(0o777)).expect("a mode");
    machine.settles();
    assert_eq!(mode(&machine.own()), (USER, 0o700));
}

#[test]
fn a_home_below_the_document_root_is_not_used() {
    let Some(machine) = Machine::bare(HELLO) else {
        return;
    };
    chown(machine.home(), Some(USER), Some(USER)).expect("given away");
    let request = || machine.request().variable("DOCUMENT_ROOT", machine.home());
    request()
        .logs("where the server may send them to anybody")
        .logs(REMEDY)
        .run();
    machine.root(REMEDY);
    eventually("an image", || {
        request().logs_anything().run().text() == "restored"
    });
    assert!(!machine.home().join(".cache").exists());
    // Nor is one that was made there by hand.
    fs::rename(machine.own(), machine.0.file("kept")).expect("moved");
    let made = machine.run(USER, "./wsgi-cgi image make app.cgi");
    assert!(made.status.success(), "{made:?}");
    assert!(machine.home().join(".cache/wsgi-cgi").is_dir() && !machine.own().exists());
    assert_eq!(machine.request().run().text(), "restored");
    let answer = request().logs("there is no image yet").run();
    assert_eq!(answer.text(), "cold");
    machine.root("rm -rf /var/cache/wsgi-cgi");
    let answer = request().logs(REMEDY).run();
    assert_eq!(answer.text(), "cold");
    machine.root(REMEDY);
    let request = machine
        .request()
        .variable("CONTEXT_DOCUMENT_ROOT", "/var/cache");
    let request = request.variable("DOCUMENT_ROOT", machine.home());
    request
        .logs("where the server may send them to anybody")
        .run();
}

#[test]
fn compiled_modules_are_kept_there_too() {
    let text = "import module\n\
                def application(environ, start_response):\n    \
                start_response('200 OK', [])\n    return [module.__cached__.encode()]\n";
    let Some(machine) = Machine::bare(text) else {
        return;
    };
    fs::write(machine.0.file("module.py"), "").expect("a module");
    let made = machine.run(USER, "./wsgi-cgi precompile app.cgi");
    let log = String::from_utf8_lossy(&made.stderr);
    assert!(!made.status.success() && log.contains(REMEDY), "{log}");
    machine.root(REMEDY);
    let cached = machine.request().logs_anything().run().text().to_owned();
    let folder = format!("/var/cache/wsgi-cgi/{USER}/bytecode");
    assert!(cached.starts_with(&folder), "{cached}");
    eventually("an image", || {
        machine.request().logs_anything().run().log.is_empty()
    });
    assert_eq!(machine.request().run().text(), cached);
}

#[test]
fn no_user_gets_at_anothers_folder() {
    let Some(machine) = Machine::new() else {
        return;
    };
    machine.settles();
    let before = entries(&machine.own());
    for attempt in [
        "ls /var/cache/wsgi-cgi",
        "ls /var/cache/wsgi-cgi/65534",
        "cat /var/cache/wsgi-cgi/65534/*.image",
        "touch /var/cache/wsgi-cgi/65534/planted",
        "mv /var/cache/wsgi-cgi/65534 /var/cache/wsgi-cgi/gone",
        "rm -r /var/cache/wsgi-cgi/65534",
        "chmod 777 /var/cache/wsgi-cgi",
        "mv /var/cache/wsgi-cgi /var/cache/gone",
    ] {
        assert!(!machine.run(OTHER, attempt).status.success(), "{attempt}");
    }
    assert_eq!(entries(&machine.own()), before);
    assert_eq!(machine.request().run().text(), "restored");
}

/// Whoever comes first with the user's name in the store can keep that user from it, and no more.
#[test]
fn a_folder_or_file_that_another_user_put_there_is_not_used() {
    let Some(machine) = Machine::new() else {
        return;
    };
    machine.settles();
    let own = machine.own();
    let kept = machine.0.file("kept");
    fs::rename(&own, &kept).expect("moved");
    let theirs = machine.0.file("theirs");
    for attack in [
        // With the user's own image in it, which that user would not have put there.
        "cp -a kept /var/cache/wsgi-cgi/65534 && chown 65533 /var/cache/wsgi-cgi/65534",
        "cp -a kept /var/cache/wsgi-cgi/65534 && chown 0:65534 /var/cache/wsgi-cgi/65534 && \
         chmod 770 /var/cache/wsgi-cgi/65534",
        "cp -a kept /var/cache/wsgi-cgi/65534 && chmod 770 /var/cache/wsgi-cgi/65534",
        "cp -a kept /var/cache/wsgi-cgi/65534 && chmod 1777 /var/cache/wsgi-cgi/65534",
        "cp -a kept theirs && ln -s $PWD/theirs /var/cache/wsgi-cgi/65534",
        "cp -a kept theirs && ln -s $PWD/theirs /var/cache/wsgi-cgi/65534 && \
         chown -h 65534 /var/cache/wsgi-cgi/65534",
        "mkdir theirs && chown 65533 theirs && chmod 777 theirs && \
         ln -s $PWD/theirs /var/cache/wsgi-cgi/65534",
        "ln -s $PWD/nowhere /var/cache/wsgi-cgi/65534",
        "setpriv --reuid=65533 --regid=65533 --clear-groups mkdir -m 777 /var/cache/wsgi-cgi/65534",
        "touch /var/cache/wsgi-cgi/65534",
        "mkfifo -m 600 /var/cache/wsgi-cgi/65534 && chown 65534 /var/cache/wsgi-cgi/65534",
    ] {
        machine.root(attack);
        let (target, is_link) = (own.canonicalize(), own.is_symlink());
        let before = target
            .iter()
            .filter(|path| path.is_dir())
            .map(|path| entries(path));
        let before: Vec<_> = before.collect();
        for _ in 0..2 {
            let line = machine.is_cold(
                "`/var/cache/wsgi-cgi/65534` must be a folder owned by UID 65534 and closed",
            );
            let remedy = line.split('`').find(|words| words.starts_with("sudo "));
            assert_eq!(
                remedy,
                Some("sudo rm -r /var/cache/wsgi-cgi/65534"),
                "{attack}"
            );
        }
        let after = target
            .iter()
            .filter(|path| path.is_dir())
            .map(|path| entries(path));
        assert_eq!(after.collect::<Vec<_>>(), before, "{attack}");
        assert!(!machine.0.file("nowhere").exists());
        // Who has a home that can have one needs none.
        let home = machine.0.file("own-home");
        fs::create_dir(&home).expect("a folder");
        chown(&home, Some(USER), Some(USER)).expect("given away");
        let request = machine.request().variable("HOME", &home);
        assert_eq!(request.logs("there is no image yet").run().text(), "cold");
        eventually("an image", || {
            let request = machine.request().variable("HOME", &home).logs_anything();
            request.run().text() == "restored"
        });
        fs::remove_dir_all(&home).expect("removed");
        // The command that the log names makes room.
        machine.root("sudo rm -r /var/cache/wsgi-cgi/65534");
        assert!(!is_link || target.is_err() || theirs.exists(), "{attack}");
        _ = fs::remove_dir_all(&theirs);
    }
    machine.settles();
}

#[test]
fn a_store_where_users_can_replace_folders_is_not_used() {
    let Some(machine) = Machine::new() else {
        return;
    };
    machine.settles();
    for attack in [
        "chmod 777 /var/cache/wsgi-cgi",
        "chmod 730 /var/cache/wsgi-cgi",
        "chown 65533 /var/cache/wsgi-cgi",
        "chown 65534 /var/cache/wsgi-cgi",
        // Another in its place: a link, somebody's folder, a file.
        "mv /var/cache/wsgi-cgi moved && ln -s $PWD/moved /var/cache/wsgi-cgi",
        "mv /var/cache/wsgi-cgi moved && cp -a moved /var/cache/wsgi-cgi && \
         chown 65533 /var/cache/wsgi-cgi",
        "mv /var/cache/wsgi-cgi moved && touch /var/cache/wsgi-cgi",
    ] {
        machine.root(attack);
        let line = machine.is_cold("`/var/cache/wsgi-cgi` must be a folder owned by root");
        assert!(line.contains(REMEDY), "{line}");
        let back = "rm -f /var/cache/wsgi-cgi; [ ! -e moved ] || \
                    { rm -rf /var/cache/wsgi-cgi; mv moved /var/cache/wsgi-cgi; }; \
                    chown 0 /var/cache/wsgi-cgi; chmod 1733 /var/cache/wsgi-cgi";
        machine.root(back);
        assert_eq!(machine.request().run().text(), "restored", "{attack}");
    }
    // Nobody but root can add to this one: who has a folder there uses it.
    machine.root("chmod 755 /var/cache/wsgi-cgi");
    assert_eq!(machine.request().run().text(), "restored");
    fs::remove_dir_all(machine.own()).expect("removed");
    machine.is_cold(REMEDY);
    machine.root("install -d -m 700 -o 65534 /var/cache/wsgi-cgi/65534");
    machine.settles();
}

#[test]
fn a_named_folder_is_the_only_one_used() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let named = machine.home().join("named");
    let request = machine.request().variable("WSGI_CGI_CACHE_DIR", &named);
    let answer = request
        .logs("a folder owned by UID 65534 and closed to other users")
        .run();
    assert_eq!(answer.text(), "cold");
    assert!(!machine.own().exists());
}
