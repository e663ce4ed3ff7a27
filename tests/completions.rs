//! Completion in shells: what `wsgi-cgi completions` answers to its completion scripts, and (`shells`) what each of
//! the three shells shows at a terminal when Tab is pressed.

mod shells;

use crate::harness::by_hand::ByHand;

/// The completions offered for the last of these words, without their descriptions.
#[track_caller]
fn offered(words: &[&str]) -> Vec<String> {
    let answer = ByHand::command(&["completions", "bash", "--"])
        .with(words)
        .prints();
    let word = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
    answer.lines().map(word).collect()
}

#[test]
fn each_position_has_its_own_completions() {
    for (words, expected) in [
        (&["image", ""][..], &["words", "make", "status", "drop"][..]),
        (
            &["request", "--as", ""],
            &[
                "words", "apache", "lighttpd", "fcgiwrap", "busybox", "minimal",
            ],
        ),
        (
            &["serve", "app.py", "--log-format=c"],
            &[
                "words",
                "--log-format=short",
                "--log-format=combined",
                "--log-format=json",
            ],
        ),
        (&["request", ""], &["files"]),
        (&["request", "-o", ""], &["files"]),
        (&["request", "-iLo", ""], &["files"]),
        (&["request", "-d", "-x", ""], &["files"]),
        (&["request", "--", "-"], &["files"]),
        (&["image", "make", ""], &["files"]),
        (&["install", "host", ""], &["files"]),
        (&["install", "host", "--to", ""], &["folders"]),
        (&["--venv", ""], &["folders"]),
        (&["--debug", ""], &["files"]),
        (&["serve", "--port", ""], &["words"]),
        (&["nosuch", "--"], &["words"]),
    ] {
        let offered = offered(words);
        let counted = if words == ["nosuch", "--"] {
            &offered[..1]
        } else {
            &offered[..]
        };
        assert_eq!(counted, expected, "{words:?}");
    }
}

#[test]
fn the_commands_offered_are_those_in_the_help() {
    let commands = offered(&[""]);
    let help = ByHand::command(&["help"]).prints();
    let listed = help.split("Commands:\n").nth(1).expect("commands");
    let listed = listed.split("\n\n").next().expect("their end").lines();
    let listed: Vec<&str> = listed
        .filter_map(|line| {
            line.strip_prefix("  ")
                .filter(|line| !line.starts_with(' '))
        })
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(commands[0], "words");
    assert_eq!(commands[1..], listed);
    assert_eq!(offered(&["help", ""])[1..], listed);
}

#[test]
fn internal_options_are_not_offered() {
    assert_eq!(
        offered(&["image", "make", "--"]),
        ["words", "--cache-dir", "--warm-up", "--help"]
    );
    let serve = offered(&["serve", "--"]);
    assert!(serve.contains(&"--preload".into()), "{serve:?}");
    assert!(!serve.contains(&"--nursery".into()), "{serve:?}");
    // Nor aliases.
    let servers = offered(&["install", ""]);
    assert!(servers.contains(&"mini_httpd".into()), "{servers:?}");
    for other in ["userdir", "suexec", "mini-httpd"] {
        assert!(!servers.contains(&other.into()), "{servers:?}");
    }
}

#[test]
fn an_option_is_offered_again_only_where_it_may_be_repeated() {
    let offered = offered(&["check", "--safe", "--ignore", "hangs", "app.py", "--"]);
    assert!(!offered.contains(&"--safe".into()), "{offered:?}");
    assert!(offered.contains(&"--ignore".into()), "{offered:?}");
}

#[test]
fn only_three_shells_are_known() {
    ByHand::command(&["completions", "fsh"])
        .exits(2)
        .logs("invalid value 'fsh'")
        .logs("a similar value exists: 'fish'")
        .run();
}
