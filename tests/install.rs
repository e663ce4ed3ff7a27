//! `scripts/install`, with a cargo that has built already: what it installs and makes, and what it
//! says where it cannot. Whether the programs can be built so is what `scripts/quickstart` shows.

mod folder;
mod single;
mod slow;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::instead::{self, Instead};
use crate::harness::{executor, folder, program, skip};

/// A copy of what the script needs, on a machine that has nothing of it yet.
struct Machine(TempDir);

/// Arguments: the folder, the repository, a program.
const SET_UP: &str = "
    cd $1
    mkdir -p clone/target/release stub usr-local/bin var-cache home elsewhere
    chmod 2775 usr-local/bin
    cp -r $2/scripts clone/
    cp $3 clone/target/release/wsgi-cgi
    cp $4 clone/target/release/lib_wsgi_cgi.so
    printf '#!/bin/sh\\n[ \"$1\" != --version ] || echo cargo 1.88.0\\n' >stub/cargo
    chmod 755 stub/cargo
    chown 65534:65534 home 2>/dev/null || :
";

impl Machine {
    fn new() -> Self {
        let machine = Self(folder());
        let repository: PathBuf = env!("CARGO_MANIFEST_DIR").into();
        let output = Command::new("sh")
            .args(["-euc", SET_UP])
            .args([
                "sh".as_ref(),
                machine.0.path(),
                &repository,
                program(),
                &executor(),
            ])
            .output()
            .expect("sh");
        assert!(output.status.success(), "{output:?}");
        machine
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command with nothing of the caller's; `words` come before it.
    fn run(&self, words: &[std::ffi::OsString], command: &str) -> Output {
        let shell = ["sh", "-c", command].map(Into::into);
        let words: Vec<_> = words.iter().cloned().chain(shell).collect();
        Command::new(&words[0])
            .args(&words[1..])
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.at("stub").display()),
            )
            .env("HOME", self.at("home"))
            .current_dir(self.at("elsewhere"))
            .output()
            .expect("a shell")
    }

    /// Runs it as root, who has a `/usr/local` and a `/var/cache` of the test's.
    fn root(&self, command: &str) -> Output {
        let words = Instead::default()
            .of("/usr/local", self.at("usr-local"))
            .of("/var/cache", self.at("var-cache"))
            .words();
        self.run(&words, command)
    }
}

fn mode(path: &Path) -> u32 {
    let about = fs::symlink_metadata(path);
    let about = about.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    about.permissions().mode() & 0o7777
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn as_root_it_installs_what_the_readme_shows() {
    if !instead::is_possible() {
        return;
    }
    let machine = Machine::new();
    let shown = crate::readme::block("console", 1);
    let (first, rest) = shown.split_once('\n').expect("lines");
    assert_eq!(first, "$ sudo scripts/install");
    let (building, rest) = rest.split_once('\n').expect("lines");
    // Twice is as once.
    for _ in 0..2 {
        let done = machine.root("../clone/scripts/install");
        assert_eq!(printed(&done), rest);
        let log = String::from_utf8_lossy(&done.stderr);
        assert_eq!(log.trim_end(), building);
        for name in ["bin/wsgi-cgi", "lib/wsgi-cgi/_wsgi_cgi.abi3.so"] {
            assert_eq!(mode(&machine.at("usr-local").join(name)), 0o755);
        }
        assert_eq!(mode(&machine.at("usr-local/bin")), 0o2775, "it was there");
        assert_eq!(mode(&machine.at("var-cache/wsgi-cgi")), 0o1733);
        for file in [
            "man/man1/wsgi-cgi.1",
            "man/man1/wsgi-cgi-serve.1",
            "bash-completion/completions/wsgi-cgi",
            "zsh/site-functions/_wsgi-cgi",
            "fish/vendor_completions.d/wsgi-cgi.fish",
        ] {
            let path = machine.at("usr-local/share").join(file);
            assert_eq!(mode(&path), 0o644);
            assert!(fs::metadata(&path).expect("a file").len() > 500, "{file}");
        }
        let left = fs::read_dir(machine.at("usr-local/bin")).expect("a folder");
        assert_eq!(left.count(), 1);
    }
    let runs = machine.root("/usr/local/bin/wsgi-cgi --version");
    assert!(printed(&runs).starts_with("wsgi-cgi "));
}

#[test]
fn web_servers_users_get_their_folders_first() {
    if !instead::is_possible() {
        return;
    }
    let machine = Machine::new();
    let user = printed(&machine.root("id -u www-data || :"));
    let Ok(user) = user.trim().parse::<u32>() else {
        return crate::harness::skip("there is no www-data");
    };
    printed(&machine.root("../clone/scripts/install"));
    let store = machine.at("var-cache/wsgi-cgi");
    let own = store.join(user.to_string());
    let about = fs::symlink_metadata(&own).expect("a folder");
    assert_eq!((about.uid(), mode(&own)), (user, 0o700));
    // What somebody else has put there stays, and is named.
    fs::remove_dir(&own).expect("removed");
    for command in ["mkdir", "ln -s /etc"] {
        let command = format!(
            "setpriv --reuid=65533 --regid=65533 --clear-groups {command} /var/cache/wsgi-cgi/{user}"
        );
        printed(&machine.root(&command));
        let done = machine.root("../clone/scripts/install");
        printed(&done);
        let log = String::from_utf8_lossy(&done.stderr);
        let remedy = format!("`sudo rm -r /var/cache/wsgi-cgi/{user}`");
        assert!(log.contains(&remedy), "{log}");
        assert_eq!(fs::symlink_metadata(&own).expect("left").uid(), 65_533);
        printed(&machine.root(&remedy.replace("sudo ", "").replace('`', "")));
    }
    // Nor does it go on with a store that is not root's.
    chown(&store, Some(65_533), None).expect("given away");
    let done = machine.root("../clone/scripts/install");
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(
        !done.status.success() && log.contains("must be a folder of root"),
        "{log}"
    );
}

#[test]
fn without_root_it_installs_in_the_home() {
    let machine = Machine::new();
    let words: Vec<std::ffi::OsString> = if rustix::process::geteuid().is_root() {
        [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ]
        .map(Into::into)
        .into()
    } else {
        vec!["env".into()]
    };
    let done = printed(&machine.run(&words, "../clone/scripts/install"));
    assert!(done.contains("/home/.local/bin/wsgi-cgi\n"), "{done}");
    assert!(
        done.contains("run: sudo install -d -m 1733 /var/cache/wsgi-cgi\n"),
        "{done}"
    );
    assert_eq!(mode(&machine.at("home/.local/bin/wsgi-cgi")), 0o755);
    let done = printed(&machine.run(
        &words,
        "cd $HOME && ../clone/scripts/install --no-store --prefix here",
    ));
    assert!(done.ends_with("/home/here/bin/wsgi-cgi\n"), "{done}");
    // Where it may not write it says so, and what to do.
    let done = machine.run(&words, "../clone/scripts/install --prefix /proc/none");
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(
        !done.status.success() && log.contains("name another folder with --prefix"),
        "{log}"
    );
    for wrong in ["--prefix", "--what", "there"] {
        let done = machine.run(&words, &format!("../clone/scripts/install {wrong}"));
        let log = String::from_utf8_lossy(&done.stderr);
        assert!(
            done.status.code() == Some(2) && log.contains("[--prefix DIR]"),
            "{log}"
        );
    }
}

/// zsh has no folder for completions below the home, and is told of it.
#[test]
fn the_line_for_zshrc_makes_zsh_find_the_completions() {
    if Command::new("zsh").args(["-c", ":"]).status().is_err() {
        skip("zsh is not installed");
        return;
    }
    let machine = Machine::new();
    let install = |words: &[&str]| {
        let words: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
        printed(&machine.run(
            &words,
            "../clone/scripts/install --no-store --prefix \"$HOME/.local\"",
        ))
    };
    let line = |done: &str| {
        let line = done
            .lines()
            .find(|line| line.starts_with("For completions in zsh, "))?;
        Some(line.split_once("compinit: ")?.1.to_owned())
    };
    // Who does not use zsh is told nothing.
    assert_eq!(line(&install(&["env"])), None);
    let said = line(&install(&["env", "SHELL=/bin/zsh"])).expect("a line");
    fs::write(
        machine.at("home/.zshrc"),
        format!("{said}\nautoload -U compinit\n"),
    )
    .expect("written");
    let found = machine.run(
        &["env".into()],
        "zsh -c '. ~/.zshrc; compinit -D -u; print -r -- $_comps[wsgi-cgi]'",
    );
    assert_eq!(printed(&found), "_wsgi-cgi\n");
    assert_eq!(line(&install(&["env"])), None);
    fs::write(machine.at("home/.zshrc"), "").expect("written");
    assert_eq!(line(&install(&["env"])), Some(said));
}

#[test]
fn the_user_who_typed_sudo_owns_the_build() {
    if !instead::is_possible() {
        return;
    }
    let machine = Machine::new();
    for (name, text) in [
        (
            "cargo",
            "#!/bin/sh\necho cargo 1.88.0 of user $(id -u), at home in $HOME\n",
        ),
        // -H -u NAME -- COMMAND
        (
            "sudo",
            "#!/bin/sh\nnames=$1$2$3\nshift 4\nexport HOME=$names\n\
             exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"\n",
        ),
    ] {
        let path = machine.at("stub").join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let done = machine.root("SUDO_USER=ada ../clone/scripts/install");
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success() && log.contains("of user 65534, at home in -H-uada"),
        "{log}"
    );
    assert_eq!(
        fs::metadata(machine.at("usr-local/bin/wsgi-cgi"))
            .expect("a file")
            .uid(),
        0
    );
}

#[test]
fn without_a_new_rust_it_says_where_to_get_it() {
    let machine = Machine::new();
    fs::write(machine.at("stub/cargo"), "#!/bin/sh\necho cargo 1.63.0\n").expect("written");
    let done = machine.run(&["env".into()], "../clone/scripts/install --prefix here");
    let log = String::from_utf8_lossy(&done.stderr);
    let says = "Rust 1.88 or newer is needed (found: cargo 1.63.0): https://rustup.rs says";
    assert!(!done.status.success() && log.contains(says), "{log}");
    assert!(!machine.at("elsewhere/here").exists());
}
