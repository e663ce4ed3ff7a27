//! Completions for bash, zsh and fish: one script per shell, which asks this program what can come next
//! and shows the answer in the shell's own way.

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

/// The answer in the form that the scripts read: a line with the kind, then a line for each word with its
/// description.
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
