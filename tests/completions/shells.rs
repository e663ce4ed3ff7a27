//! The three shells at a terminal, each with its completion script. In place of the program runs a script that prints
//! its arguments, so that the tests see the line as the shell completed it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::harness::by_hand::ByHand;
use crate::harness::terminal::Terminal;
use crate::harness::{folder, program, skip};

/// What is typed, and the arguments of the program that is then started.
const LINES: &[(&str, &str)] = &[
    ("wsgi-cgi ser\tx", "<serve> <x>"),
    ("wsgi-cgi serve --pre\tx", "<serve> <--preload> <x>"),
    (
        "wsgi-cgi request --as ap\tx",
        "<request> <--as> <apache> <x>",
    ),
    ("wsgi-cgi request --as=ap\tx", "<request> <--as=apache> <x>"),
    (
        "wsgi-cgi serve shop.py --log-format comb\t",
        "<serve> <shop.py> <--log-format> <combined>",
    ),
    (
        "wsgi-cgi request -d a=b sho\tx",
        "<request> <-d> <a=b> <shop.py> <x>",
    ),
    (
        "wsgi-cgi request --venv=my\tx",
        "<request> <--venv=my folder/x>",
    ),
    (
        "wsgi-cgi request config:si\t",
        "<request> <config:site.ini>",
    ),
    ("wsgi-cgi image sta\tx", "<image> <status> <x>"),
    (
        "wsgi-cgi check --ignore hang\t",
        "<check> <--ignore> <hangs>",
    ),
    ("wsgi-cgi help ima\t", "<help> <image>"),
];

/// What is typed, the words that must appear on the screen then, and the words that must not.
const LISTS: &[(&str, &[&str], &[&str])] = &[
    (
        "wsgi-cgi image \t",
        &["make", "status", "drop"],
        &["shop.py"],
    ),
    (
        "wsgi-cgi request --as \t",
        &["apache", "busybox", "fcgiwrap", "lighttpd", "minimal"],
        &["shop.py"],
    ),
    (
        "wsgi-cgi serve --log-format \t",
        &["short", "combined", "json"],
        &["shop.py"],
    ),
    (
        "wsgi-cgi image make --\t",
        // Without `--`: the shell may highlight what all words have in common.
        &["cache-dir", "warm-up"],
        &["unless-since", "gateway-interface"],
    ),
];

#[test]
fn bash_completes_a_line() {
    // Without this setting the first Tab after an ambiguous word only beeps.
    let begin = "bind 'set show-all-if-ambiguous on'; source <(wsgi-cgi completions bash)";
    completes("bash", &["--norc", "--noprofile", "-i"], begin, None);
}

#[test]
fn zsh_completes_a_line() {
    let begin = "fpath=(~/functions $fpath); autoload -U compinit; compinit -D -u";
    completes("zsh", &["-f", "-i"], begin, Some("functions/_wsgi-cgi"));
}

#[test]
fn zsh_takes_the_script_from_standard_output_too() {
    let begin = "autoload -U compinit; compinit -D -u; source <(wsgi-cgi completions zsh)";
    completes("zsh", &["-f", "-i"], begin, None);
}

#[test]
fn fish_completes_a_line() {
    let place = ".config/fish/completions/wsgi-cgi.fish";
    completes("fish", &["-i"], "", Some(place));
}

fn completes(shell: &str, arguments: &[&str], begin: &str, place: Option<&str>) {
    let Some(found) = ["/usr/bin", "/bin", "/usr/local/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(shell))
        .find(|path| path.exists())
    else {
        return skip(&format!("there is no `{shell}`"));
    };
    let home = folder();
    let at = |name: &str| home.path().join(name);
    for name in ["bin", "my folder"] {
        fs::create_dir(at(name)).expect("a folder");
    }
    for name in ["shop.py", "site.ini"] {
        fs::write(at(name), "").expect("a file");
    }
    let stand_in = format!(
        "#!/bin/sh\nif [ \"$1\" = completions ]; then exec '{}' \"$@\"; fi\n\
         printf ran:; printf ' <%s>' \"$@\"; echo .\n",
        program().display()
    );
    fs::write(at("bin/wsgi-cgi"), stand_in).expect("a script");
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(at("bin/wsgi-cgi"), mode).expect("a mode");
    if let Some(place) = place {
        let script = ByHand::command(&["completions", shell]).prints();
        fs::create_dir_all(at(place).parent().expect("a folder")).expect("a folder");
        fs::write(at(place), script).expect("a file");
    }

    let mut command = Command::new(found);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", at("bin").display()))
        .env("HOME", home.path())
        .env("TERM", "xterm")
        .env("LC_ALL", "C.UTF-8")
        .env("INPUTRC", "/dev/null")
        .current_dir(home.path());
    let mut terminal = Terminal::start(command);
    // With the quotes, the echo of what is typed does not match what is waited for.
    terminal
        .types(&format!("{begin}\necho be''gun"))
        .wait_for("begun");
    for (typed, words) in LINES {
        terminal.types(typed).wait_for(&format!("ran: {words}."));
    }
    for (typed, there, not_there) in LISTS {
        let mut screen = terminal.presses(typed).until(there);
        // Ctrl-U deletes the line.
        terminal.presses("\x15").types("echo sho''wn");
        screen += &terminal.until(&["shown"]);
        for word in *not_there {
            assert!(!screen.contains(word), "{typed:?} offers {word}:\n{screen}");
        }
    }
    terminal.types("exit 0");
    assert_eq!(terminal.end().1, 0);
}
