//! The picture of where the time of a request went (`request --profile`): each function as wide as the time it
//! took, above the one that called it.

use std::io::{self, Write};
use std::time::Duration;

use inferno::flamegraph::{Options, from_lines};

/// Functions, each called by the one before it, and the time that the last of them took itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Their names, the outermost first.
    pub names: Vec<String>,
    /// Without the functions that it called.
    pub own: Duration,
}

/// Draws it as SVG.
///
/// # Errors
/// Where it cannot be written.
pub fn draw(stacks: &[Stack], title: &str, to: impl Write) -> io::Result<()> {
    let mut options = Options::default();
    title.clone_into(&mut options.title);
    "ms".clone_into(&mut options.count_name);
    options.factor = 0.001;
    options.hash = true;
    let lines: Vec<String> = stacks.iter().map(line).collect();
    from_lines(&mut options, lines.iter().map(String::as_str), to).map_err(io::Error::other)
}

/// `outer;inner 123`
fn line(stack: &Stack) -> String {
    let names: Vec<String> = stack
        .names
        .iter()
        .map(|name| name.replace(';', ","))
        .collect();
    format!("{} {}", names.join(";"), stack.own.as_micros())
}
