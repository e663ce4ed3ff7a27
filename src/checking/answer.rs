//! Checks a whole answer: its status, its headers and its content, against the request and against
//! each other (RFC 9110; PEP 3333, "Handling the Content-Length Header").

use crate::fields::{length, values};
use crate::rules::{self, Seen};

/// How many bytes of content are kept.
pub const KEPT: usize = 4 << 20;

/// What an application answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status code; none where start_response was not called correctly.
    pub code: Option<u16>,
    /// The status as it was given.
    pub status: String,
    /// The header fields.
    pub fields: Vec<(String, String)>,
    /// The first of the content, up to [`KEPT`] bytes.
    pub content: Vec<u8>,
    /// How many bytes of content there were.
    pub length: u64,
    /// Whether it ended without an exception.
    pub is_whole: bool,
    /// Where start_response was called.
    pub place: String,
}

/// The parts of a request that its answer depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The method.
    pub method: String,
    /// Whether it has `Range`.
    pub has_range: bool,
    /// Whether it has a condition, such as `If-None-Match`.
    pub has_condition: bool,
}

impl Answer {
    /// The value of a field that occurs once.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        values(&self.fields, name).next()
    }

    /// What Content-Length says.
    #[must_use]
    pub fn announced(&self) -> Option<u64> {
        self.field("content-length").and_then(length)
    }

    /// What is wrong with it as an answer to that request.
    #[must_use]
    pub fn judge(&self, question: &Question) -> Vec<Seen> {
        let Some(code) = self.code else {
            return Vec::new();
        };
        let mut seen = Vec::new();
        self.judge_content(code, question, &mut seen);
        self.judge_status(code, question, &mut seen);
        seen
    }

    fn judge_content(&self, code: u16, question: &Question, seen: &mut Vec<Seen>) {
        let is_head = question.method == "HEAD";
        let sent = self.length;
        if matches!(code, 204 | 205 | 304) {
            if sent > 0 {
                let text =
                    format!("{sent} bytes of content were sent, but the status {code} allows none");
                seen.push((&rules::CONTENT_FORBIDDEN, text));
            }
            if code == 204 && self.field("content-length").is_some() {
                let text = "a Content-Length was sent, but the status 204 allows none".to_owned();
                seen.push((&rules::CONTENT_LENGTH_FORBIDDEN, text));
            }
            if self.field("content-type").is_some() {
                let text = format!("a Content-Type was sent, but the status {code} has no content");
                seen.push((&rules::CONTENT_TYPE_OF_NOTHING, text));
            }
            return;
        }
        if is_head && sent > 0 {
            let text = format!(
                "{sent} bytes of content were sent in answer to HEAD, but that answer must have none"
            );
            seen.push((&rules::HEAD_WITH_CONTENT, text));
        }
        if sent > 0 && self.field("content-type").is_none() {
            let text = format!("{sent} bytes of content were sent without Content-Type");
            seen.push((&rules::CONTENT_TYPE_MISSING, text));
        }
        let is_of_head = is_head && sent == 0;
        if let Some(announced) = self.announced().filter(|_| self.is_whole && !is_of_head) {
            if sent > announced {
                let text = format!("Content-Length is {announced}, and {sent} bytes were sent");
                seen.push((&rules::CONTENT_TOO_LONG, text));
            } else if sent < announced {
                let text = format!("Content-Length is {announced}, and {sent} bytes were sent");
                seen.push((&rules::CONTENT_TOO_SHORT, text));
            }
        }
    }

    fn judge_status(&self, code: u16, question: &Question, seen: &mut Vec<Seen>) {
        let lacks = |name| self.field(name).is_none();
        let mut wrong = |rule, text: &str| seen.push((rule, text.to_owned()));
        match code {
            206 if !question.has_range => {
                wrong(
                    &rules::PARTIAL_UNASKED,
                    "206 was sent, but the request has no Range",
                );
            }
            304 if !question.has_condition => wrong(
                &rules::NOT_MODIFIED_UNASKED,
                "304 was sent, but the request has no condition such as If-None-Match",
            ),
            301 | 302 | 303 | 307 | 308 if lacks("location") => {
                wrong(
                    &rules::LOCATION_MISSING,
                    &format!("{code} was sent without Location"),
                );
            }
            401 if lacks("www-authenticate") => {
                wrong(
                    &rules::AUTHENTICATE_MISSING,
                    "401 was sent without WWW-Authenticate",
                );
            }
            405 if lacks("allow") => wrong(&rules::ALLOW_MISSING, "405 was sent without Allow"),
            416 if lacks("content-range") => {
                wrong(
                    &rules::UNSATISFIED_WITHOUT_RANGE,
                    "416 was sent without Content-Range",
                );
            }
            500 => wrong(
                &rules::SERVER_ERROR,
                &format!("the application answered `{}`", self.status),
            ),
            _ => {}
        }
        if code == 206 {
            self.judge_range(question, seen);
        }
    }

    /// RFC 9110, section 15.3.7: a part, or several of them as multipart/byteranges.
    fn judge_range(&self, question: &Question, seen: &mut Vec<Seen>) {
        let Some(range) = self.field("content-range") else {
            let media_type = self.field("content-type").unwrap_or_default();
            if !media_type
                .to_ascii_lowercase()
                .starts_with("multipart/byteranges")
            {
                let text = "206 was sent without Content-Range".to_owned();
                seen.push((&rules::CONTENT_RANGE_MISSING, text));
            }
            return;
        };
        let Some(size) = size_of(range) else {
            let text = format!("Content-Range is {range:?}, which is not a valid range");
            seen.push((&rules::CONTENT_RANGE_WRONG, text));
            return;
        };
        let sent = if question.method == "HEAD" && self.length == 0 {
            self.announced().unwrap_or(size)
        } else {
            self.length
        };
        if self.is_whole && sent != size {
            let text = format!("Content-Range {range:?} is {size} bytes, but {sent} were sent");
            seen.push((&rules::CONTENT_RANGE_WRONG, text));
        }
    }
}

/// How many bytes `bytes FIRST-LAST/ALL` has.
fn size_of(range: &str) -> Option<u64> {
    let (part, all) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = part.split_once('-')?;
    let (first, last) = (length(first)?, length(last)?);
    let is_within = all == "*" || length(all).is_some_and(|all| last < all);
    (first <= last && is_within).then(|| last - first + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, fields: &[(&str, &str)], length: u64) -> Answer {
        Answer {
            code: Some(code),
            status: format!("{code} x"),
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            length,
            is_whole: true,
            ..Answer::default()
        }
    }

    #[test]
    fn each_fault_has_its_rule() {
        let text = ("Content-Type", "text/plain");
        let cases: [(&str, Answer, &[&str]); 20] = [
            ("GET", answer(200, &[text], 3), &[]),
            ("GET", answer(200, &[], 0), &[]),
            ("GET", answer(200, &[], 1), &["content-type-missing"]),
            (
                "GET",
                answer(200, &[text, ("Content-Length", "2")], 3),
                &["content-too-long"],
            ),
            (
                "GET",
                answer(200, &[text, ("Content-Length", "4")], 3),
                &["content-too-short"],
            ),
            (
                "HEAD",
                answer(200, &[text, ("Content-Length", "4")], 0),
                &[],
            ),
            ("HEAD", answer(200, &[text], 3), &["head-with-content"]),
            ("GET", answer(204, &[], 0), &[]),
            ("GET", answer(204, &[], 1), &["content-forbidden"]),
            (
                "GET",
                answer(204, &[("Content-Length", "0")], 0),
                &["content-length-forbidden"],
            ),
            ("GET", answer(304, &[], 0), &["not-modified-unasked"]),
            ("GET", answer(302, &[], 0), &["location-missing"]),
            ("GET", answer(302, &[("Location", "/")], 0), &[]),
            ("GET", answer(401, &[], 0), &["authenticate-missing"]),
            ("GET", answer(405, &[], 0), &["allow-missing"]),
            ("GET", answer(416, &[], 0), &["unsatisfied-without-range"]),
            ("GET", answer(500, &[], 0), &["server-error"]),
            (
                "RANGE",
                answer(206, &[text, ("Content-Range", "bytes 0-2/9")], 3),
                &[],
            ),
            (
                "RANGE",
                answer(206, &[text, ("Content-Range", "bytes 0-2/9")], 9),
                &["content-range-wrong"],
            ),
            (
                "GET",
                answer(206, &[text], 3),
                &["partial-unasked", "content-range-missing"],
            ),
        ];
        for (method, answer, wanted) in cases {
            let question = Question {
                method: method.into(),
                has_range: method == "RANGE",
                has_condition: false,
            };
            let seen = answer.judge(&question);
            let names: Vec<_> = seen.iter().map(|(rule, _)| rule.name).collect();
            assert_eq!(names, wanted, "{method} {answer:?}");
        }
    }
}
