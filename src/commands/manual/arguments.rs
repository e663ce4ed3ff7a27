//! The section OPTIONS of a manual page: positional arguments and options, with their help texts.

use clap::{Arg, Command};

use super::roff::{Roff, bold, italic};
use super::{joined, text};

/// Writes all arguments, in the order of the help.
pub(super) fn arguments(page: &mut Roff, command: &Command) {
    let of = |heading: Option<&str>| {
        let options = command.get_arguments().filter(|one| !one.is_positional());
        let all = options.filter(|one| !one.is_hide_set());
        let of = all
            .filter(|one| one.get_help_heading() == heading)
            .collect::<Vec<_>>();
        of.into_iter()
    };
    for place in command.get_positionals().filter(|one| !one.is_hide_set()) {
        item(page, place);
    }
    let mut headings = Vec::new();
    for heading in command.get_arguments().filter_map(Arg::get_help_heading) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for argument in of(None) {
        item(page, argument);
    }
    for heading in headings {
        let mut arguments = of(Some(heading)).peekable();
        if arguments.peek().is_some() {
            page.part(heading);
        }
        for argument in arguments {
            item(page, argument);
        }
    }
}

/// Writes one argument.
pub(super) fn item(page: &mut Roff, argument: &Arg) {
    let flags = [
        argument.get_short().map(|letter| format!("-{letter}")),
        argument.get_long().map(|name| format!("--{name}")),
    ];
    let flags: Vec<String> = flags
        .into_iter()
        .flatten()
        .map(|flag| bold(&flag))
        .collect();
    let takes_value = argument.is_positional() || argument.get_action().takes_values();
    let names = argument.get_value_names().filter(|_| takes_value);
    let value = names.map(|names| names.join(" ")).map(|name| italic(&name));
    let parts = [(!flags.is_empty()).then(|| flags.join(", ")), value];
    let term = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");

    let mut help = joined(&text(argument.get_help()));
    let defaults = argument.get_default_values().iter().filter(|_| takes_value);
    let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() {
        help = format!("{help} [default: {}]", defaults.join(" "));
    }
    page.item(&term, &help);

    let known = argument.get_possible_values();
    let known: Vec<_> = known
        .iter()
        .filter(|value| takes_value && !value.is_hide_set() && value.get_help().is_some())
        .map(|value| (value.get_name(), text(value.get_help())))
        .collect();
    if !known.is_empty() {
        page.line(".RS");
        for (name, about) in known {
            page.item(&bold(name), &about);
        }
        page.line(".RE");
    }
}
