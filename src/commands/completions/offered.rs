//! What can come next on a command line that is being typed. It is taken from the clap definition of the
//! command line, without hidden options and commands. The shell drops words that do not match what was typed.

use std::ffi::{OsStr, OsString};

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command, ValueHint};

/// What can come next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offered {
    /// One of these words, each with a one-line description.
    Words(Vec<(String, String)>),
    /// The name of a file.
    Files,
    /// The name of a folder.
    Folders,
}

/// What can replace `current`. `before` holds the words between the program's name and `current`.
pub(super) fn after(program: &Command, before: &[OsString], current: &OsStr) -> Offered {
    let mut typed = Typed::of(program);
    for word in before {
        typed.take(&word.to_string_lossy());
    }
    typed.next(&current.to_string_lossy())
}

/// What is known from the words so far.
struct Typed<'a> {
    command: &'a Command,
    /// The options that were typed, in order.
    options: Vec<&'a Arg>,
    /// The option that needs the next word as its value.
    awaited: Option<&'a Arg>,
    /// How many positional arguments were typed.
    named: usize,
    /// Whether `--` was typed.
    no_more_options: bool,
}

impl<'a> Typed<'a> {
    fn of(command: &'a Command) -> Self {
        Self {
            command,
            options: Vec::new(),
            awaited: None,
            named: 0,
            no_more_options: false,
        }
    }

    fn take(&mut self, word: &str) {
        if self.awaited.take().is_some() {
            return;
        }
        match word.strip_prefix('-') {
            _ if self.no_more_options => self.named += 1,
            Some("-") => self.no_more_options = true,
            Some(rest) if !rest.is_empty() => match rest.strip_prefix('-') {
                Some(long) => self.take_long(long),
                None => self.take_letters(rest),
            },
            _ => match self.command.find_subcommand(word) {
                Some(command) if self.named == 0 => *self = Self::of(command),
                _ => self.named += 1,
            },
        }
    }

    fn take_long(&mut self, long: &str) {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        if let Some(option) = self.long(name) {
            self.options.push(option);
            self.awaited = (value.is_none() && takes_value(option)).then_some(option);
        }
    }

    /// `-iL`, `-d a=b` or `-da=b`.
    fn take_letters(&mut self, letters: &str) {
        for (place, letter) in letters.char_indices() {
            let mut arguments = self.command.get_arguments();
            let Some(option) = arguments.find(|one| one.get_short() == Some(letter)) else {
                return;
            };
            self.options.push(option);
            if takes_value(option) {
                let is_last = place + letter.len_utf8() == letters.len();
                self.awaited = is_last.then_some(option);
                return;
            }
        }
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        let mut arguments = self.command.get_arguments();
        arguments.find(|one| one.get_long() == Some(name))
    }

    fn next(&self, current: &str) -> Offered {
        if let Some(option) = self.awaited {
            return values(option, "");
        }
        if current.starts_with('-') && !self.no_more_options {
            return match current.split_once('=') {
                Some((name, _)) => self
                    .long(name.trim_start_matches('-'))
                    .filter(|option| takes_value(option))
                    .map_or(Offered::Words(Vec::new()), |option| {
                        values(option, &format!("{name}="))
                    }),
                None => self.further_options(),
            };
        }
        let may_follow_options = !self.command.is_args_conflicts_with_subcommands_set();
        let is_command = self.named == 0 && (may_follow_options || self.options.is_empty());
        let commands: Vec<_> = self
            .command
            .get_subcommands()
            .filter(|command| is_command && !command.is_hide_set())
            .map(|command| (command.get_name().to_owned(), line(command.get_about())))
            .collect();
        if !commands.is_empty() {
            return Offered::Words(commands);
        }
        let places = self.command.get_positionals();
        let places: Vec<_> = places.filter(|one| !one.is_hide_set()).collect();
        let last = places.last().filter(|last| is_list(last));
        let place = places.get(self.named).or(last);
        match place.map(|place| values(place, "")) {
            Some(Offered::Words(words)) if words.is_empty() => self.further_options(),
            None => self.further_options(),
            Some(offered) => offered,
        }
    }

    /// Options that were not typed yet, and those that may be repeated.
    fn further_options(&self) -> Offered {
        let arguments = self.command.get_arguments();
        let words = arguments.filter(|option| {
            let is_there = self
                .options
                .iter()
                .any(|there| there.get_id() == option.get_id());
            !option.is_hide_set() && (!is_there || is_list(option))
        });
        let words = words.filter_map(|option| {
            Some((format!("--{}", option.get_long()?), line(option.get_help())))
        });
        Offered::Words(words.collect())
    }
}

/// The possible values of an option or a positional argument: known words, or file names.
fn values(of: &Arg, prefix: &str) -> Offered {
    let known = of.get_possible_values();
    if known.is_empty() {
        return match of.get_value_hint() {
            ValueHint::AnyPath | ValueHint::FilePath => Offered::Files,
            ValueHint::DirPath => Offered::Folders,
            _ if of.get_id() == "ignore" => Offered::Words(rules(prefix)),
            _ => Offered::Words(Vec::new()),
        };
    }
    let known = known.iter().filter(|value| !value.is_hide_set());
    let words = known.map(|value| {
        (
            format!("{prefix}{}", value.get_name()),
            line(value.get_help()),
        )
    });
    Offered::Words(words.collect())
}

/// The rules that `check --ignore` accepts.
fn rules(prefix: &str) -> Vec<(String, String)> {
    let rules = checking::rules::TABLE.iter();
    let words = rules.map(|rule| (format!("{prefix}{}", rule.name), rule.sentence.to_owned()));
    words.collect()
}

fn takes_value(option: &Arg) -> bool {
    option.get_action().takes_values()
}

fn is_list(of: &Arg) -> bool {
    matches!(of.get_action(), ArgAction::Append | ArgAction::Count)
        || of
            .get_num_args()
            .is_some_and(|range| range.max_values() > 1)
}

/// The first line of a help text.
fn line(about: Option<&StyledStr>) -> String {
    let text = about.map(ToString::to_string).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}
