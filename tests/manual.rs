//! The manual pages, one for the program and one for each command: their sections, and how `man` shows them in 80
//! columns.

use crate::harness::by_hand::ByHand;

const COMMANDS: [&str; 9] = [
    "request",
    "check",
    "serve",
    "image",
    "precompile",
    "doctor",
    "install",
    "help",
    "completions",
];

/// The name of each page, and its source.
fn pages() -> Vec<(String, String)> {
    let page = |command: Option<&str>| {
        let name = command.map_or("wsgi-cgi".into(), |command| format!("wsgi-cgi-{command}"));
        let words = ["help", "--man"].into_iter().chain(command);
        let words: Vec<&str> = words.collect();
        (name, ByHand::command(&words).prints())
    };
    let of_commands = COMMANDS.map(|command| page(Some(command)));
    [page(None)].into_iter().chain(of_commands).collect()
}

#[test]
fn each_command_of_the_help_has_a_page() {
    let help = ByHand::command(&["help"]).prints();
    let program = ByHand::command(&["help", "--man"]).prints();
    let listed = help.split("Commands:\n").nth(1).expect("commands");
    let listed = listed.split("\n\n").next().expect("their end").lines();
    let listed: Vec<&str> = listed
        .filter_map(|line| {
            line.strip_prefix("  ")
                .filter(|line| !line.starts_with(' '))
        })
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(listed, COMMANDS);
    for (name, page) in pages().iter().skip(1) {
        assert!(page.starts_with(&format!(".TH {name} 1 ")), "{page}");
        let named = format!("{}\\fR(1)", name.replace('-', "\\-"));
        assert!(program.contains(&named), "{named}:\n{program}");
    }
}

#[test]
fn a_page_has_every_option_of_the_help_and_no_hidden_one() {
    for (command, (_, page)) in COMMANDS.iter().zip(pages().iter().skip(1)) {
        let help = ByHand::command(&["help", command]).prints();
        let options = help
            .split([' ', ',', '\n'])
            .filter(|word| word.starts_with("--") && word.len() > 2);
        for option in options {
            let option = option.trim_end_matches(['.', ':', ';', '`']);
            let written = option.replace('-', "\\-");
            assert!(page.contains(&written), "{option}:\n{page}");
        }
        for hidden in [
            "\\-\\-nursery",
            "\\-\\-here",
            "\\-\\-option",
            "unless\\-since",
            "gateway\\-interface",
        ] {
            assert!(!page.contains(hidden), "{page}");
        }
    }
}

/// The pages as man(1) shows them.
mod man {
    use super::pages;
    use crate::harness::{folder, skip};
    use clap::Parser;
    use settings::cli::Program;
    use std::fs;
    use std::path::Path;
    use std::process::{Command, Output};

    const SECTIONS: [&str; 9] = [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "ENVIRONMENT",
        "FILES",
        "EXIT STATUS",
        "EXAMPLES",
        "SEE ALSO",
    ];

    /// The name and the shown text of each page; empty if `man` is not installed.
    fn shown() -> Vec<(String, String)> {
        if !Path::new("/usr/bin/man").exists() {
            skip("`man` is not installed");
            return Vec::new();
        }
        let folder = folder();
        let mut shown = Vec::new();
        for (name, page) in pages() {
            let file = folder.path().join(format!("{name}.1"));
            fs::write(&file, page).expect("a file");
            let run = |program: &str, options: &[&str]| -> Output {
                Command::new(program)
                    .args(options)
                    .arg(&file)
                    .env_clear()
                    .env("PATH", "/usr/bin:/bin")
                    .env("LC_ALL", "C.UTF-8")
                    .env("MANWIDTH", "80")
                    .output()
                    .expect("man-db is installed")
            };
            let man = run("man", &["--warnings", "-l"]);
            assert_eq!(String::from_utf8_lossy(&man.stderr), "", "{name}");
            assert!(man.status.success(), "{name}");
            // The title that apropos(1) finds.
            let title = run("lexgrog", &[]);
            let title = String::from_utf8_lossy(&title.stdout).into_owned();
            assert!(title.contains(&format!("\"{name} - ")), "{title}");
            shown.push((name, String::from_utf8(man.stdout).expect("UTF-8")));
        }
        shown
    }

    /// The text between the title of a section and the next title.
    fn section<'a>(page: &'a str, title: &str) -> Option<&'a str> {
        let (_, rest) = page.split_once(&format!("\n{title}\n"))?;
        let is_title = |line: &str| line.starts_with(|first: char| !first.is_whitespace());
        let end = rest
            .split_inclusive('\n')
            .take_while(|line| !is_title(line))
            .map(str::len)
            .sum();
        Some(&rest[..end])
    }

    #[test]
    fn man_shows_them_in_80_columns_without_a_warning() {
        for (name, page) in shown() {
            let mut from = 0;
            for title in SECTIONS {
                let text = section(&page, title);
                let text = text.unwrap_or_else(|| panic!("{name} has no {title}:\n{page}"));
                assert!(!text.trim().is_empty(), "{name}: {title} is empty");
                let place = page.find(&format!("\n{title}\n")).expect("found above");
                assert!(place >= from, "{name}: {title} is in another place");
                from = place;
            }
            for line in page.lines() {
                assert!(line.chars().count() <= 80, "{name}: {line}");
                // No word is hyphenated, as many are there to be copied.
                assert!(!line.ends_with('\u{2010}'), "{name}: {line}");
            }
        }
    }

    /// The words of a command line, as a shell splits it.
    fn words(line: &str) -> Vec<String> {
        let output = Command::new("/bin/sh")
            .args(["-c", &format!("printf '%s\\0' {line}")])
            .output()
            .expect("a shell");
        assert!(output.status.success(), "{line}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn every_example_is_a_valid_command_line() {
        let mut tried = 0;
        for (name, page) in shown() {
            let examples = section(&page, "EXAMPLES").expect("examples");
            let own = name.replacen("wsgi-cgi-", "wsgi-cgi ", 1);
            assert!(examples.contains(&own), "{name}:\n{examples}");
            let lines = examples.lines();
            for line in lines
                .map(str::trim)
                .filter(|line| line.starts_with("wsgi-cgi "))
            {
                // Without its explanation, redirection and pipe.
                let line = line.split("   ").next().unwrap_or_default();
                let line = line.split(['>', '|']).next().unwrap_or_default();
                let words = words(line);
                let understood = Program::try_parse_from(&words);
                assert!(
                    understood.is_ok(),
                    "{name}: {line}:\n{}",
                    understood.unwrap_err()
                );
                tried += 1;
            }
        }
        assert!(tried == 0 || tried > 20, "{tried} examples");
    }
}
