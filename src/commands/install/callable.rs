//! Finds the application in a Python source when the command line names no callable: looks for the executor's
//! usual names at the start of a line, without running Python.

use settings::config::Callable;
use settings::did_you_mean;

/// As in the executor: applications, then factories (`true`).
const NAMES: [(&str, bool); 4] = [
    ("application", false),
    ("app", false),
    ("create_app", true),
    ("make_app", true),
];

/// The first of the usual names that the source defines.
pub(super) fn find(source: &str) -> Option<Callable> {
    let defined = defined(source);
    let is_there = |name: &str| defined.iter().any(|known| known == name);
    let (name, factory) = NAMES.into_iter().find(|(name, _)| is_there(name))?;
    Some(Callable {
        path: vec![name.to_owned()],
        factory,
    })
}

/// What defines names that the source does not spell out.
const DYNAMIC: [&str; 8] = [
    "import *",
    "__dict__",
    "__getattr__",
    "exec(",
    "globals(",
    "locals(",
    "setattr(",
    "vars(",
];

/// Whether a source surely lacks a name: no word of it outside comments is that name, and nothing in it could
/// define a name in another way.
pub(super) fn surely_lacks(source: &str, name: &str) -> bool {
    // Python takes some letters beyond ASCII for others.
    if !name.is_ascii() || DYNAMIC.iter().any(|way| source.contains(way)) {
        return false;
    }
    let lines = source.lines().map(str::trim_start);
    let mut words = lines
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split(|c: char| c != '_' && !c.is_alphanumeric()));
    !words.any(|word| word == name)
}

/// What may be called instead, for a message: the name that was meant, or the usual one that is there.
pub(super) fn instead_of(source: &str, name: &str) -> Option<String> {
    let defined = defined(source);
    let meant = did_you_mean::meant(name, defined.iter().map(String::as_str));
    meant
        .map(str::to_owned)
        .or_else(|| find(source).map(|callable| callable.to_string()))
}

/// The names that statements at the start of a line bind: assignments, functions, classes, imports.
fn defined(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut lines = code_lines(source).into_iter();
    while let Some(line) = lines.next() {
        let words = line.split([' ', '(', ':', '=']);
        match line.split_once(' ') {
            Some(("def" | "class", rest)) => names.extend(name_at_start(rest)),
            Some(("from" | "import", _)) => {
                let mut whole = line.to_owned();
                // What is in brackets goes on.
                while whole.contains('(') && !whole.contains(')') {
                    let Some(next) = lines.next() else { break };
                    whole.push_str(next);
                }
                names.extend(imported(&whole));
            }
            _ if words.count() > 1 => names.extend(assigned(line)),
            _ => {}
        }
    }
    names
}

/// The lines that are neither comments nor inside a text of several lines.
fn code_lines(source: &str) -> Vec<&str> {
    let mut within = None;
    let mut kept = Vec::new();
    for line in source.lines() {
        let starts_outside = within.is_none();
        let mut rest = line;
        loop {
            let quote = match within {
                Some(quote) => rest.find(quote).map(|place| (place, quote)),
                None if rest.trim_start().starts_with('#') => None,
                None => ["\"\"\"", "'''"]
                    .into_iter()
                    .filter_map(|quote| rest.find(quote).map(|place| (place, quote)))
                    .min(),
            };
            let Some((place, quote)) = quote else { break };
            within = if within.is_some() { None } else { Some(quote) };
            rest = &rest[place + quote.len()..];
        }
        if starts_outside && !line.starts_with('#') {
            kept.push(line);
        }
    }
    kept
}

/// `a, b as c` of `from x import (a, b as c)`: a, c.
fn imported(statement: &str) -> Vec<String> {
    let after = statement.rsplit_once("import ");
    let list = after.map_or("", |(_, list)| list);
    let list = list.split('#').next().unwrap_or_default();
    let list = list.trim().trim_start_matches('(').trim_end_matches(')');
    let names = list
        .split(',')
        .filter_map(|item| item.split_whitespace().last());
    names.map(str::to_owned).collect()
}

/// `a` of `a = b = c` and of `a: T = b`.
fn assigned(line: &str) -> Option<String> {
    let name = name_at_start(line)?;
    let rest = line[name.len()..].trim_start();
    let is_assignment = (rest.starts_with('=') && !rest.starts_with("==")) || rest.starts_with(':');
    is_assignment.then_some(name)
}

fn name_at_start(text: &str) -> Option<String> {
    let text = text
        .trim_start_matches(' ')
        .split(|c: char| c != '_' && !c.is_alphanumeric());
    text.into_iter()
        .next()
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}
