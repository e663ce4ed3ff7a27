//! Which part of a file a client gets, by its conditions and ranges (RFC 9110, sections 13 and 14).
//! The file itself is not read here.

use std::time::{Duration, SystemTime};

use exchange::MetaVariables;

/// What tells one state of a file from another.
#[derive(Clone, Debug)]
pub struct Validators {
    /// An entity tag, with its quotes (section 8.8.3).
    pub etag: String,
    /// When it was changed last.
    pub modified: SystemTime,
    /// How many bytes there are.
    pub length: u64,
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// All of it: 200.
    Whole,
    /// So many bytes from there on: 206.
    Part {
        /// The first byte.
        offset: u64,
        /// How many; never none.
        count: u64,
    },
    /// The client's copy is still valid: 304.
    NotModified,
    /// The client's condition is not met: 412.
    PreconditionFailed,
    /// There is no such part: 416.
    Unsatisfiable,
}

impl Validators {
    /// Those of a file of `length` bytes. A file that has just been changed may change once more
    /// within the same tick of the clock: then the tag is a weak one (section 8.8.1).
    #[must_use]
    pub fn new(modified: SystemTime, length: u64, now: SystemTime) -> Self {
        let since = modified
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let is_recent = now
            .duration_since(modified)
            .map_or(true, |age| age < Duration::from_secs(2));
        let weak = if is_recent { "W/" } else { "" };
        Self {
            etag: format!("{weak}\"{:x}-{length:x}\"", since.as_nanos()),
            modified,
            length,
        }
    }

    /// What a GET or HEAD selects; the order is that of section 13.2.2.
    #[must_use]
    pub fn select(&self, meta: &MetaVariables) -> Selected {
        if let Some(tags) = meta.get("HTTP_IF_MATCH") {
            if !self.is_in(tags, true) {
                return Selected::PreconditionFailed;
            }
        } else if let Some(since) = meta.get("HTTP_IF_UNMODIFIED_SINCE").and_then(date)
            && self.seconds() > since
        {
            return Selected::PreconditionFailed;
        }
        if let Some(tags) = meta.get("HTTP_IF_NONE_MATCH") {
            if self.is_in(tags, false) {
                return Selected::NotModified;
            }
        } else if let Some(since) = meta.get("HTTP_IF_MODIFIED_SINCE").and_then(date)
            && self.seconds() <= since
        {
            return Selected::NotModified;
        }
        match meta.get("HTTP_RANGE") {
            // Section 14.2: with no other method.
            Some(range) if meta.get("REQUEST_METHOD") == Some(b"GET") && self.is_same(meta) => {
                self.part(range)
            }
            _ => Selected::Whole,
        }
    }

    /// Whole seconds, as the fields have no others.
    fn seconds(&self) -> httpdate::HttpDate {
        self.modified.into()
    }

    fn is_weak(&self) -> bool {
        self.etag.starts_with("W/")
    }

    /// Section 13.1.5: If-Range, by the strong comparison.
    fn is_same(&self, meta: &MetaVariables) -> bool {
        match meta.get("HTTP_IF_RANGE") {
            None => true,
            Some(_) if self.is_weak() => false,
            Some(tag) if tag.starts_with(b"\"") => tag == self.etag.as_bytes(),
            Some(text) => date(text) == Some(self.seconds()),
        }
    }

    /// Whether the list names this state; sections 8.8.3.2, 13.1.1 and 13.1.2.
    fn is_in(&self, list: &[u8], strong: bool) -> bool {
        if list.trim_ascii() == b"*" {
            return true;
        }
        let own = self.etag.trim_start_matches("W/").as_bytes();
        let mut rest = list;
        while let Some(start) = rest.iter().position(|&byte| byte == b'"') {
            let is_weak = rest[..start].ends_with(b"W/");
            let Some(length) = rest[start + 1..].iter().position(|&byte| byte == b'"') else {
                return false;
            };
            let end = start + length + 2;
            if &rest[start..end] == own && !(strong && (is_weak || self.is_weak())) {
                return true;
            }
            rest = &rest[end..];
        }
        false
    }

    /// Section 14.1.2. More than one part, another unit and an invalid range may be ignored.
    fn part(&self, range: &[u8]) -> Selected {
        let Some((first, last)) = parse(range) else {
            return Selected::Whole;
        };
        let (offset, end) = match (first, last) {
            (Some(first), Some(last)) if first > last => return Selected::Whole,
            (Some(first), last) => (
                first,
                last.map_or(self.length, |last| last.saturating_add(1)),
            ),
            (None, Some(suffix)) => (self.length.saturating_sub(suffix), self.length),
            (None, None) => return Selected::Whole,
        };
        let end = end.min(self.length);
        if offset >= end {
            return Selected::Unsatisfiable;
        }
        Selected::Part {
            offset,
            count: end - offset,
        }
    }
}

/// `bytes=first-last`, of which one may be missing.
fn parse(range: &[u8]) -> Option<(Option<u64>, Option<u64>)> {
    let text = std::str::from_utf8(range).ok()?;
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| match text {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Some(digits.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    };
    (unit.eq_ignore_ascii_case("bytes")).then_some((number(first)?, number(last)?))
}

fn date(text: &[u8]) -> Option<httpdate::HttpDate> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    fn file(age: u64) -> Validators {
        let modified = UNIX_EPOCH + Duration::from_millis(784_111_777_900);
        Validators::new(modified, 10, modified + Duration::from_secs(age))
    }

    fn selected(file: &Validators, fields: &[(&str, &str)]) -> Selected {
        let mut meta = MetaVariables::default();
        meta.set("REQUEST_METHOD", "GET");
        for (name, value) in fields {
            meta.set(name, *value);
        }
        file.select(&meta)
    }

    #[test]
    fn a_copy_is_good_until_the_file_changes() {
        let (old, new) = (file(3_600), file(0));
        let tag = old.etag.as_str();
        let others = format!("\"x, y\", W/\"z\", {tag}");
        assert!(!old.is_weak() && new.etag == format!("W/{tag}"));
        for (fields, expected) in [
            (
                &[("HTTP_IF_MODIFIED_SINCE", DATE)][..],
                Selected::NotModified,
            ),
            (&[("HTTP_IF_MODIFIED_SINCE", BEFORE)], Selected::Whole),
            (&[("HTTP_IF_MODIFIED_SINCE", "yesterday")], Selected::Whole),
            (&[("HTTP_IF_NONE_MATCH", tag)], Selected::NotModified),
            (&[("HTTP_IF_NONE_MATCH", "*")], Selected::NotModified),
            (&[("HTTP_IF_NONE_MATCH", "\"x\"")], Selected::Whole),
            // The tag counts, whatever the date says.
            (
                &[
                    ("HTTP_IF_NONE_MATCH", "\"x\""),
                    ("HTTP_IF_MODIFIED_SINCE", DATE),
                ],
                Selected::Whole,
            ),
            (&[("HTTP_IF_MATCH", tag)], Selected::Whole),
            (&[("HTTP_IF_MATCH", "\"x\"")], Selected::PreconditionFailed),
            (&[("HTTP_IF_UNMODIFIED_SINCE", DATE)], Selected::Whole),
            (
                &[("HTTP_IF_UNMODIFIED_SINCE", BEFORE)],
                Selected::PreconditionFailed,
            ),
        ] {
            assert_eq!(selected(&old, fields), expected, "{fields:?}");
        }
        assert_eq!(
            selected(&old, &[("HTTP_IF_NONE_MATCH", &format!("W/{tag}"))]),
            Selected::NotModified
        );
        assert_eq!(
            selected(&new, &[("HTTP_IF_NONE_MATCH", tag)]),
            Selected::NotModified
        );
        assert_eq!(
            selected(&new, &[("HTTP_IF_MATCH", tag)]),
            Selected::PreconditionFailed
        );
        assert_eq!(
            selected(&old, &[("HTTP_IF_NONE_MATCH", &others)]),
            Selected::NotModified
        );
    }

    #[test]
    fn a_range_is_a_part_or_nothing_at_all() {
        let part = |offset, count| Selected::Part { offset, count };
        for (range, expected) in [
            ("bytes=0-3", part(0, 4)),
            ("Bytes=2-", part(2, 8)),
            ("bytes=-4", part(6, 4)),
            ("bytes=-40", part(0, 10)),
            ("bytes=9-9", part(9, 1)),
            ("bytes=5-99999999999999999999999", part(5, 5)),
            ("bytes=10-", Selected::Unsatisfiable),
            ("bytes=-0", Selected::Unsatisfiable),
            ("bytes=5-2", Selected::Whole),
            ("bytes=0-1,3-4", Selected::Whole),
            ("lines=0-1", Selected::Whole),
            ("bytes=-", Selected::Whole),
            ("bytes=a-b", Selected::Whole),
            ("bytes", Selected::Whole),
        ] {
            let fields = [("HTTP_RANGE", range)];
            assert_eq!(selected(&file(3_600), &fields), expected, "{range}");
        }
        let head = [("HTTP_RANGE", "bytes=0-3"), ("REQUEST_METHOD", "HEAD")];
        assert_eq!(selected(&file(3_600), &head), Selected::Whole);
    }

    #[test]
    fn a_part_is_of_the_state_that_the_client_knows() {
        let old = file(3_600);
        let tag = old.etag.clone();
        for (state, is_part) in [
            (tag.as_str(), true),
            (DATE, true),
            ("\"x\"", false),
            (BEFORE, false),
            (&format!("W/{tag}"), false),
        ] {
            let fields = [("HTTP_RANGE", "bytes=0-3"), ("HTTP_IF_RANGE", state)];
            let found = selected(&old, &fields);
            assert_eq!(found != Selected::Whole, is_part, "{state}");
            assert_eq!(selected(&file(0), &fields), Selected::Whole, "{state}");
        }
    }
}
