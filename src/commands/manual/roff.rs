//! Writes the markup of manual pages, man(7): sections, items, bold and italic.

/// A page that is being written.
#[derive(Default)]
pub(super) struct Roff(String);

impl Roff {
    /// The first lines of a page of section 1.
    pub(super) fn new(name: &str, version: &str) -> Self {
        let mut page = Self::default();
        page.line(&format!(
            ".TH {name} 1 \"\" \"{version}\" \"User Commands\""
        ));
        page.keep_words();
        page
    }

    /// Turns off hyphenation and justification, so that commands can be copied.
    fn keep_words(&mut self) {
        self.line(".nh");
        self.line(".ad l");
    }

    /// Begins a section.
    pub(super) fn section(&mut self, title: &str) {
        self.line(&format!(".SH {title}"));
    }

    /// Begins a part of a section.
    pub(super) fn part(&mut self, title: &str) {
        self.line(".SS");
        self.line(&literal(title));
    }

    /// A paragraph.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.line(".PP");
        self.text(text);
    }

    /// A term, as [`bold`] and [`italic`] make it, and its description.
    pub(super) fn item(&mut self, term: &str, text: &str) {
        self.line(".TP");
        self.line(term);
        self.text(text);
    }

    /// Lines that stay as they are.
    pub(super) fn example(&mut self, lines: &str) {
        self.line(".PP");
        self.line(".RS 2");
        self.line(".EX");
        for line in lines.lines() {
            self.line(&literal(line));
        }
        self.line(".EE");
        self.line(".RE");
        // `.EE` turns hyphenation on again.
        self.keep_words();
    }

    /// Text in which `words between backticks` are bold.
    pub(super) fn text(&mut self, text: &str) {
        let mut written = String::new();
        for (number, part) in text.split('`').enumerate() {
            written.push_str(&if number % 2 == 1 {
                bold(part)
            } else {
                literal(part)
            });
        }
        self.line(&written);
    }

    /// A line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// The whole page.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Bold: text that is typed literally.
pub(super) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", literal(text))
}

/// Italic: a placeholder.
pub(super) fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", literal(text))
}

/// The text with everything escaped that roff would interpret.
pub(super) fn literal(text: &str) -> String {
    let mut written = String::new();
    if text.starts_with(['.', '\'']) {
        written.push_str("\\&");
    }
    for letter in text.chars() {
        match letter {
            '\\' => written.push_str("\\e"),
            '-' => written.push_str("\\-"),
            '\'' => written.push_str("\\(aq"),
            '`' => written.push_str("\\(ga"),
            '^' => written.push_str("\\(ha"),
            '~' => written.push_str("\\(ti"),
            _ => written.push(letter),
        }
    }
    written
}
