//! One finding: the rule, where it was broken, at which request, and what was seen. How it looks as a line
//! and as JSON.

use std::fmt;

use exchange::json::quoted;

use crate::rules::Rule;

/// A rule that was seen to be broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The place in the application, such as `app.py:12`.
    pub place: String,
    /// The request, such as `GET /`.
    pub request: String,
    /// What was seen.
    pub message: String,
    /// At how many requests.
    pub times: usize,
}

impl Finding {
    /// Whether it is the same as another one, at another request perhaps.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let is_place = self.rule == other.rule && self.place == other.place;
        is_place && without_numbers(&self.message) == without_numbers(&other.message)
    }

    /// An object of JSON's.
    #[must_use]
    pub fn json(&self) -> String {
        format!(
            "{{\"rule\": {}, \"section\": {}, \"severity\": {}, \"where\": {}, \"request\": {}, \
             \"message\": {}, \"times\": {}}}",
            quoted(self.rule.name),
            quoted(self.rule.section),
            quoted(self.rule.severity.word()),
            quoted(&self.place),
            quoted(&self.request),
            quoted(&self.message),
            self.times,
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<7}  {}  {}  ",
            self.rule.severity.word(),
            self.rule.name,
            self.rule.section
        )?;
        if !self.place.is_empty() {
            write!(f, "{}  ", visible(&self.place))?;
        }
        write!(f, "{}: {}", visible(&self.request), visible(&self.message))?;
        match self.times {
            0 | 1 => Ok(()),
            2 => f.write_str(" (and in one other request)"),
            times => write!(f, " (and in {} other requests)", times - 1),
        }
    }
}

/// Without digits: the same mistake has other lengths at other requests.
fn without_numbers(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_ascii_digit())
        .collect()
}

/// In one line, with control characters escaped.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control()
            || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;

    #[test]
    fn a_finding_is_one_line_whatever_it_says() {
        let finding = Finding {
            rule: &rules::RAISES,
            place: "app.py:3".into(),
            request: "GET /".into(),
            message: "a\nb\u{1b}[2J".into(),
            times: 3,
        };
        assert_eq!(
            finding.to_string(),
            "error    raises  PEP 3333 \"Error Handling\"  app.py:3  GET /: a\\nb\\u{1b}[2J (and in 2 other requests)"
        );
        assert!(finding.json().contains(r#""message": "a\u000ab\u001b[2J""#));
    }
}
