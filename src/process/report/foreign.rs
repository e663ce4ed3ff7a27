//! What an application writes to `wsgi.errors`, for the log: it may hold what a visitor sent, so it does
//! nothing to a terminal and passes for no entry of this program's.

use super::is_obeyed;

/// How this program's own entries begin, a stamp before it where there is one.
const OWN: &[u8] = b"wsgi-cgi:";

/// Where in its line a text ends, as texts come in pieces.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// So much of what begins an own entry.
    Own(usize),
    /// In what may be a stamp, and after it.
    Stamp,
    AfterStamp,
    Further,
}

/// One stream of texts.
#[derive(Debug)]
pub struct Foreign(Place);

impl Default for Foreign {
    fn default() -> Self {
        Self::new()
    }
}

impl Foreign {
    /// Before the first.
    #[must_use]
    pub const fn new() -> Self {
        Self(Place::Own(0))
    }

    /// The next text as it may stand in the log. Colours are for a terminal alone; there an application
    /// may mean them, and they hide nothing.
    pub fn safe(&mut self, text: &str, is_terminal: bool) -> String {
        let mut safe = String::with_capacity(text.len() + 1);
        let mut line = 0;
        // Somebody else may have written in between, so that a new line begins.
        if matches!(self.0, Place::Further) {
            self.0 = Place::Own(0);
        }
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let colour = if is_terminal { colour(rest) } else { 0 };
            if colour > 0 {
                safe.push_str(&rest[..colour]);
                rest = &rest[colour..];
                continue;
            }
            rest = &rest[character.len_utf8()..];
            match character {
                '\r' if rest.starts_with('\n') => continue,
                '\n' | '\t' => safe.push(character),
                _ if is_obeyed(character) => safe.extend(character.escape_default()),
                _ => safe.push(character),
            }
            if self.is_own_after(character) {
                safe.insert(line, ' ');
            }
            if character == '\n' {
                line = safe.len();
            }
        }
        safe
    }

    /// Whether the line begins as an own entry does, now that `character` has come.
    fn is_own_after(&mut self, character: char) -> bool {
        self.0 = match (self.0, character) {
            (_, '\n') | (Place::AfterStamp, ' ') => Place::Own(0),
            (Place::Stamp, ']') => Place::AfterStamp,
            (Place::Own(0), '[') | (Place::Stamp, _) => Place::Stamp,
            (Place::Own(matched), _) if char::from(OWN[matched]) == character => {
                if matched + 1 == OWN.len() {
                    self.0 = Place::Further;
                    return true;
                }
                Place::Own(matched + 1)
            }
            _ => Place::Further,
        };
        false
    }
}

/// How long the escape sequence is that a text begins with, if it sets a colour (ECMA-48, SGR).
fn colour(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\u{1b}[") else {
        return 0;
    };
    let end = parameters.find(|letter: char| !(letter.is_ascii_digit() || ";:".contains(letter)));
    match end {
        Some(end) if parameters[end..].starts_with('m') => "\u{1b}[".len() + end + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_passes_for_an_own_entry() {
        for (texts, expected) in [
            (&["plain\n\ttext\n"][..], "plain\n\ttext\n"),
            (&["a\r\nb\n"], "a\nb\n"),
            (&["a\nwsgi-cgi: b\n"], "a\n wsgi-cgi: b\n"),
            (
                &["wsgi-cgi: b\n", "wsgi-cgi: c"],
                " wsgi-cgi: b\n wsgi-cgi: c",
            ),
            (&["a\nwsgi-", "cgi: b\n"], "a\nwsgi- cgi: b\n"),
            (&["a\n[Thu] wsgi-cgi: b\n"], "a\n [Thu] wsgi-cgi: b\n"),
            (&["[Thu", "] wsgi", "-cgi: b\n"], "[Thu] wsgi -cgi: b\n"),
            (&["see wsgi-cgi: b\n"], "see wsgi-cgi: b\n"),
            (&["a\u{1b}[31mb\u{202e}\r"], "a\\u{1b}[31mb\\u{202e}\\r"),
        ] {
            let mut foreign = Foreign::new();
            let safe: String = texts.iter().map(|text| foreign.safe(text, false)).collect();
            assert_eq!(safe, expected);
        }
    }

    #[test]
    fn a_terminal_has_colours_and_nothing_else() {
        let mut foreign = Foreign::new();
        assert_eq!(
            foreign.safe("\u{1b}[1;31mred\u{1b}[0m\u{1b}[2J\u{1b}[", true),
            "\u{1b}[1;31mred\u{1b}[0m\\u{1b}[2J\\u{1b}["
        );
        let forged = Foreign::new().safe("\u{1b}[0mwsgi-cgi: x", true);
        assert_eq!(forged, " \u{1b}[0mwsgi-cgi: x");
    }
}
