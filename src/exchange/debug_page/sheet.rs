//! A page while it is written. Only this program's own text is added as it is; text from outside is
//! masked, truncated and escaped.

use std::borrow::Cow;

use crate::secrets::Mask;

/// A page, so far.
pub(super) struct Sheet<'a> {
    content: String,
    mask: &'a Mask,
    is_html: bool,
    room: usize,
}

/// The size at which the part about the exception takes nothing more.
pub(super) const FAULT_ROOM: usize = 512 * 1024;
/// The same for the request.
pub(super) const REQUEST_ROOM: usize = 192 * 1024;

impl<'a> Sheet<'a> {
    pub(super) fn html(mask: &'a Mask) -> Self {
        Self {
            content: String::new(),
            mask,
            is_html: true,
            room: FAULT_ROOM,
        }
    }

    pub(super) fn text(mask: &'a Mask) -> Self {
        Self {
            is_html: false,
            ..Self::html(mask)
        }
    }

    pub(super) fn into_content(self) -> Vec<u8> {
        self.content.into_bytes()
    }

    /// Makes room for the request.
    pub(super) fn begin_request(&mut self) {
        self.room = self.content.len() + REQUEST_ROOM;
    }

    /// Whether the rest of this part has to be left out.
    pub(super) fn is_full(&self) -> bool {
        self.content.len() > self.room
    }

    /// Words and markup of this program.
    pub(super) fn put(&mut self, words: &'static str) -> &mut Self {
        self.content.push_str(words);
        self
    }

    pub(super) fn number(&mut self, number: usize) -> &mut Self {
        self.content.push_str(&number.to_string());
        self
    }

    /// At most so many characters of a text in one line.
    pub(super) fn word(&mut self, text: &str, longest: usize) -> &mut Self {
        let masked = self.mask.apply(text);
        self.add(&masked, longest, false)
    }

    /// At most so many characters of a text, with its lines.
    pub(super) fn lines(&mut self, text: &str, longest: usize) -> &mut Self {
        let masked = self.mask.apply(text);
        self.add(&masked, longest, true)
    }

    /// The text without the request's secrets, to be added in parts with [`part`](Self::part).
    pub(super) fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.mask.apply(text)
    }

    /// What has been masked already.
    pub(super) fn part(&mut self, masked: &str, longest: usize) -> &mut Self {
        self.add(masked, longest, false)
    }

    fn add(&mut self, text: &str, longest: usize, has_lines: bool) -> &mut Self {
        for (place, character) in text.chars().enumerate() {
            if place == longest {
                self.content.push_str(" … (cut)");
                break;
            }
            self.character(character, has_lines);
        }
        self
    }

    fn character(&mut self, character: char, has_lines: bool) {
        match character {
            '&' if self.is_html => self.content.push_str("&amp;"),
            '<' if self.is_html => self.content.push_str("&lt;"),
            '>' if self.is_html => self.content.push_str("&gt;"),
            '"' if self.is_html => self.content.push_str("&quot;"),
            '\'' if self.is_html => self.content.push_str("&#39;"),
            '\n' if has_lines => self.content.push('\n'),
            '\t' => self.content.push('\t'),
            '\n' => self.content.push_str("\\n"),
            '\r' => self.content.push_str("\\r"),
            _ if is_unseen(character) => {
                let number = u32::from(character);
                let shown = match number {
                    ..=0xff => format!("\\x{number:02x}"),
                    0x100..=0xffff => format!("\\u{number:04x}"),
                    _ => format!("\\U{number:08x}"),
                };
                self.content.push_str(&shown);
            }
            _ => self.content.push(character),
        }
    }
}

/// Whether a character is invisible, controls a terminal, or changes how the text around it is
/// shown.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}
