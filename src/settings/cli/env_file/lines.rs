//! The lines of a dotenv file, as the parser is to read them: `$NAME` stays as it is, and only `${NAME}` is replaced.
//! The parser replaces both, but other readers of such files (python-dotenv) do not, and a password may have a `$`.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::str::SplitInclusive;

/// A reader that gives one line at a time.
pub(super) struct Lines<'a> {
    rest: SplitInclusive<'a, char>,
    /// The number of the last line, from 1 on.
    number: usize,
    /// The number of the line in which the current variable began, for error messages.
    began: Rc<Cell<usize>>,
    /// The quote that is open at the end of the last line.
    quote: Option<char>,
    /// The last line, and how much of it was read.
    line: Vec<u8>,
    read: usize,
}

impl<'a> Lines<'a> {
    /// The lines of a text.
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text.split_inclusive('\n'),
            number: 0,
            began: Rc::default(),
            quote: None,
            line: Vec::new(),
            read: 0,
        }
    }

    /// The number of the line in which the variable that was read last begins.
    pub(super) fn began(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.began)
    }
}

impl Read for Lines<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.line.len() {
            let Some(line) = self.rest.next() else {
                return Ok(0);
            };
            self.number += 1;
            if self.quote.is_none() {
                self.began.set(self.number);
            }
            self.line = escaped(line, &mut self.quote).into_bytes();
            self.read = 0;
        }
        let read = (&self.line[self.read..]).read(into)?;
        self.read += read;
        Ok(read)
    }
}

/// The line with a backslash before each `$` that is not the start of `${NAME}`; `quote` is the open quote.
fn escaped(line: &str, quote: &mut Option<char>) -> String {
    let mut escaped = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    let mut is_after_space = true;
    while let Some(character) = rest.next() {
        match (*quote, character) {
            (None, '#') if is_after_space => {
                escaped.push(character);
                escaped.extend(rest);
                return escaped;
            }
            (None | Some('"'), '\\') => {
                escaped.push(character);
                escaped.extend(rest.next());
                is_after_space = false;
                continue;
            }
            (None | Some('"'), '$') if rest.peek() != Some(&'{') => escaped.push('\\'),
            (None, '\'' | '"') => *quote = Some(character),
            (Some(open), _) if open == character => *quote = None,
            _ => {}
        }
        escaped.push(character);
        is_after_space = character.is_whitespace();
    }
    escaped
}
