//! What an application writes to `wsgi.errors`, made safe for the log: it may hold what a visitor
//! sent, so it must not control a terminal or look like an entry of this program.

use super::is_obeyed;

/// The start of this program's own entries, after the time where there is one.
const OWN: &[u8] = b"wsgi-cgi:";

/// Where in a line the last text ended, as texts come in pieces.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// After so many bytes of [`OWN`].
    Own(usize),
    /// In what may be a time in brackets, and after it.
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

    /// The next text, safe for the log. Colours are kept on a terminal alone: there an application
    /// may want them, and they hide nothing.
    pub fn safe(&mut self, text: &str, is_terminal: bool) -> String {
        let mut safe = String::with_capacity(text.len() + 1);
        let mut line = 0;
        // Another writer may have ended the line in between.
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

/// The length of an escape sequence for a colour at the start of a text (ECMA-48, SGR), or 0.
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
    fn no_line_looks_like_our_own_entry() {
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
