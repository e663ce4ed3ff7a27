//! What makes a shell complete a command line: a script for each, which asks this program what can come
//! next and shows it as that shell does.

mod offered;

use std::fmt::Write as _;

use clap::CommandFactory;

use offered::Offered;
use process::report::Exit;
use settings::cli::{Completions, Program, Shell};

/// Prints the script for a shell, or what the script of that shell asks for.
pub(super) fn run(typed: &Completions) -> Exit {
    let text = match typed.words.split_last() {
        None => script(typed.shell).to_owned(),
        Some((current, before)) => {
            let mut program = Program::command();
            program.build();
            lines(&offered::after(&program, before, current))
        }
    };
    super::help::end(super::help::print(text.as_bytes()))
}

fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("completions/wsgi-cgi.bash"),
        Shell::Zsh => include_str!("completions/wsgi-cgi.zsh"),
        Shell::Fish => include_str!("completions/wsgi-cgi.fish"),
    }
}

/// As the scripts read it: of which kind it is, then a word and what it is about in each line.
fn lines(offered: &Offered) -> String {
    let words = match offered {
        Offered::Files => return "files\n".into(),
        Offered::Folders => return "folders\n".into(),
        Offered::Words(words) => words,
    };
    let mut lines = String::from("words\n");
    for (word, about) in words {
        _ = writeln!(lines, "{word}\t{about}");
    }
    lines
}
