//! A manual page for the program and for each command. The texts of the help come from the clap definition of
//! the command line and from the table of options; texts that only manual pages have are in `additions`.

mod additions;
mod arguments;
mod roff;

use clap::Command;
use clap::builder::StyledStr;

use additions::Additions;
use arguments::{arguments, item};
use roff::{Roff, bold, italic, literal};
use settings::options::TABLE;

/// The start of the help's paragraph that becomes the section EXIT STATUS.
const STATUS: &str = "Exit status: ";

/// The page of the program or of one of its commands.
pub(super) fn page(command: &Command) -> String {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let added = Additions::of(command.get_name());
    let about = text(command.get_about());
    let after = text(command.get_after_help());
    let (title, more) = about.split_once("\n\n").unwrap_or((&about, ""));
    let mut page = Roff::new(name, concat!("wsgi-cgi ", env!("CARGO_PKG_VERSION")));

    page.section("NAME");
    let mut title = title.to_owned();
    title[..1].make_ascii_lowercase();
    page.line(&format!("{} \\- {}", literal(name), literal(&title)));

    page.section("SYNOPSIS");
    synopsis(&mut page, command);

    page.section("DESCRIPTION");
    let (shown, said): (Vec<_>, Vec<_>) = paragraphs(&after).partition(|part| is_shown(part));
    for part in paragraphs(more) {
        if is_shown(part) {
            page.example(&unindented(part));
        } else {
            page.paragraph(&joined(part));
        }
    }
    for part in said.iter().filter(|part| !part.starts_with(STATUS)) {
        page.paragraph(&joined(part));
    }
    if more.is_empty() && said.is_empty() {
        page.paragraph(added.description);
    }

    if command.has_subcommands() {
        page.section("COMMANDS");
        commands(&mut page, command);
    }
    page.section("OPTIONS");
    arguments(&mut page, command);
    page.section("ENVIRONMENT");
    environment(&mut page, command, &added);
    page.section("FILES");
    items(&mut page, added.files);
    page.section("EXIT STATUS");
    let status = said.iter().find_map(|part| part.strip_prefix(STATUS));
    page.paragraph(&joined(status.unwrap_or(added.statuses)));
    page.section("EXAMPLES");
    for part in shown {
        page.example(&unindented(part));
    }
    for (line, about) in added.examples {
        page.paragraph(about);
        page.example(line);
    }
    page.section("SEE ALSO");
    page.text(&added.see_also());
    page.finish()
}

/// Each form of a command line.
fn synopsis(page: &mut Roff, command: &Command) {
    let nested: Vec<_> = command
        .get_subcommands()
        .filter(|nested| !nested.is_hide_set() && nested.get_display_name().is_some())
        .collect();
    let is_program = command.get_name() == "wsgi-cgi";
    let of: Vec<&Command> = if nested.is_empty() || is_program {
        vec![command]
    } else {
        nested
    };
    for command in of {
        let usage = command.clone().render_usage().to_string();
        for line in usage.lines() {
            let words = line.trim_start_matches("Usage:").split_whitespace();
            page.line(".PP");
            page.line(&words.map(word_of_usage).collect::<Vec<_>>().join(" "));
        }
    }
}

/// Placeholders such as `[OPTIONS]` and `<APP>` are italic; words that are typed, such as `serve`, are bold.
fn word_of_usage(word: &str) -> String {
    let is_typed = |word: &str| word.starts_with(|first: char| first.is_ascii_lowercase());
    if is_typed(word) || word.starts_with('-') {
        return bold(word);
    }
    let word = word.replace(['<', '>'], "");
    let name = word.trim_matches(['[', ']', '.']);
    word.replacen(name, &italic(name), 1)
}

/// The subcommands.
fn commands(page: &mut Roff, command: &Command) {
    let is_program = command.get_name() == "wsgi-cgi";
    for nested in command
        .get_subcommands()
        .filter(|nested| !nested.is_hide_set())
    {
        let about = text(nested.get_about());
        if is_program {
            let name = nested.get_name();
            page.item(&bold(name), &format!("{about}. See `wsgi-cgi-{name}`(1)."));
        } else {
            page.part(nested.get_name());
            page.paragraph(&joined(&about));
            // man(7) has only two levels of headings.
            for argument in nested.get_arguments().filter(|one| !one.is_hide_set()) {
                item(page, argument);
            }
        }
    }
}

/// The variables that set the table's options, and other variables.
fn environment(page: &mut Roff, command: &Command, added: &Additions) {
    items(page, added.environment);
    let has =
        |command: &Command, name: &str| command.get_arguments().any(|one| one.get_id() == name);
    let rows: Vec<_> = TABLE
        .into_iter()
        .filter(|row| {
            let mut nested = command.get_subcommands();
            has(command, row.name) || nested.any(|nested| has(nested, row.name))
        })
        .collect();
    if rows.is_empty() || !added.obeys_variables {
        return;
    }
    page.paragraph(
        "An option that is typed wins over its variable, and a variable over the block in the script. Several \
         values in a variable are separated by colons (WSGI_CGI_WARM_UP: by spaces); a switch is `on` or `off`.",
    );
    for row in rows {
        page.line(".TP");
        page.line(&bold(&row.variable()));
        page.text(&format!("as `--{}`", row.name));
        page.line(".PD 0");
    }
    page.line(".PD");
}

fn items(page: &mut Roff, items: &[(&str, &str)]) {
    for (term, text) in items {
        page.item(&bold(term), text);
    }
}

fn text(about: Option<&StyledStr>) -> String {
    about.map(ToString::to_string).unwrap_or_default()
}

fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n").filter(|part| !part.is_empty())
}

/// Whether it is an example: those are indented.
fn is_shown(part: &str) -> bool {
    part.starts_with("    ")
}

fn unindented(part: &str) -> String {
    let lines = part
        .lines()
        .map(|line| line.strip_prefix("    ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// The paragraph on one line: roff wraps it.
fn joined(part: &str) -> String {
    part.split_whitespace().collect::<Vec<_>>().join(" ")
}
