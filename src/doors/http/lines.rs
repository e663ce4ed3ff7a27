//! Lines that arrive in pieces. RFC 9112, section 2.2 ends a line with CR LF; a lone LF may be
//! accepted as a line end and a lone CR must not be, and as parsers differ there, both are refused
//! here.
//!
//! Every byte is examined once, however small the pieces, so a slow client costs no more work.

use super::{Limits, Refusal};

/// Looks for the end of one line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineScan {
    seen: usize,
}

impl LineScan {
    pub(super) const fn new() -> Self {
        Self { seen: 0 }
    }

    /// `input` begins where the line does, and may have grown since the last call. Returns the
    /// length of the line without its CR LF once that has arrived, then starts anew. A line longer
    /// than `limit` is refused with `too_long`.
    pub(super) fn find(
        &mut self,
        input: &[u8],
        limit: usize,
        too_long: Refusal,
    ) -> Result<Option<usize>, Refusal> {
        while let Some(&byte) = input.get(self.seen) {
            let after_cr = self.seen > 0 && input[self.seen - 1] == b'\r';
            match byte {
                b'\n' if after_cr => {
                    let length = self.seen - 1;
                    self.seen = 0;
                    return Ok(Some(length));
                }
                _ if after_cr => return Err(Refusal::bad("a CR without LF")),
                b'\n' => return Err(Refusal::bad("a line ends with LF instead of CR LF")),
                b'\r' => {}
                // RFC 9110, section 5.5: CTL characters are invalid; NUL among them is dangerous.
                _ if byte.is_ascii_control() && byte != b'\t' => {
                    return Err(Refusal::bad("a control character in a line"));
                }
                _ if self.seen >= limit => return Err(too_long),
                _ => {}
            }
            self.seen += 1;
        }
        Ok(None)
    }
}

/// Looks for the end of field lines: a head's, or those of a trailer section.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SectionScan {
    line: LineScan,
    start: usize,
    fields: usize,
}

impl SectionScan {
    /// `input` begins where the section does. Returns the section's length, the empty line
    /// included, once it is complete.
    pub(super) fn find(
        &mut self,
        input: &[u8],
        limit: usize,
        limits: &Limits,
    ) -> Result<Option<usize>, Refusal> {
        // RFC 6585, section 5.
        const TOO_LARGE: Refusal = Refusal::new(431, "the header fields are too large");
        loop {
            // What is left of the limit holds the line, its end and the empty line's.
            let room = limit.saturating_sub(self.start + 4);
            let Some(length) = self.line.find(&input[self.start..], room, TOO_LARGE)? else {
                return Ok(None);
            };
            let line = &input[self.start..][..length];
            self.start += length + 2;
            match line {
                [] => return Ok(Some(self.start)),
                // RFC 9112, section 5.2: obs-fold is refused or replaced; section 2.2: so is white
                // space between the request line and the first field.
                [b' ' | b'\t', ..] => {
                    return Err(Refusal::bad("a header line begins with white space"));
                }
                _ => self.fields += 1,
            }
            if self.fields > limits.fields {
                return Err(Refusal::new(431, "too many header fields"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Refusal = Refusal::new(414, "too long");

    fn find(input: &[u8]) -> Result<Option<usize>, Refusal> {
        LineScan::default().find(input, 5, LONG)
    }

    #[test]
    fn a_line_ends_with_cr_lf_only() {
        assert_eq!(find(b"abc\r\nd\n"), Ok(Some(3)));
        assert_eq!(find(b"abc\r"), Ok(None));
        for bad in [
            &b"ab\nc\r\n"[..],
            b"ab\rc\r\n",
            b"ab\r\r\n",
            b"a\0\r\n",
            b"\x7f",
        ] {
            assert_eq!(
                find(bad).map_err(|refusal| refusal.status()),
                Err(400),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn the_limit_is_on_the_line_without_its_end() {
        assert_eq!(find(b"abcde\r\n"), Ok(Some(5)));
        assert_eq!(find(b"abcdef"), Err(LONG));
    }

    #[test]
    fn a_section_is_at_most_as_long_as_its_limit() {
        let limits = Limits::default();
        let section = b"a: b\r\nc: d\r\n\r\n";
        let mut scan = SectionScan::default();
        assert_eq!(
            scan.find(section, section.len(), &limits),
            Ok(Some(section.len()))
        );
        let mut scan = SectionScan::default();
        let refused = scan.find(section, section.len() - 1, &limits);
        assert_eq!(refused.map_err(|refusal| refusal.status()), Err(431));
    }
}
