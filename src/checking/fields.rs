//! Checks the header fields that `start_response` gets, one by one and together; what depends on
//! the request and the content is in [`answer`](crate::answer).

use exchange::is_hop_by_hop;

use crate::rules::{self, Seen};

/// Fields that do not allow a list (RFC 9110): of several, a recipient uses only one.
const SINGLE: [&str; 11] = [
    "age",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "retry-after",
    "server",
];

/// What is wrong with these fields, whatever the request was.
#[must_use]
pub fn judge(fields: &[(String, String)]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for (name, value) in fields {
        judge_one(name, value, &mut seen);
    }
    let mut reported = Vec::new();
    for (name, _) in fields {
        let name = name.to_ascii_lowercase();
        let count = values(fields, &name).count();
        if count < 2 || reported.contains(&name) {
            continue;
        }
        if name == "content-length" {
            seen.push((
                &rules::CONTENT_LENGTH_REPEATED,
                format!("Content-Length occurs {count} times"),
            ));
        } else if SINGLE.contains(&name.as_str()) {
            let text = format!("the header `{name}` occurs {count} times");
            seen.push((&rules::HEADER_REPEATED, text));
        }
        reported.push(name);
    }
    seen
}

fn judge_one(name: &str, value: &str, seen: &mut Vec<Seen>) {
    let shown = format!("({name:?}, {value:?})");
    let lower = name.to_ascii_lowercase();
    if [name, value]
        .iter()
        .any(|text| text.chars().any(|letter| u32::from(letter) > 0xff))
    {
        seen.push((
            &rules::HEADER_NOT_LATIN_1,
            format!(
                "the header {shown} has a character that is not in Latin-1: encode it, for example \
                 with urllib.parse.quote()"
            ),
        ));
    } else if name.is_empty() || !name.bytes().all(is_token) {
        seen.push((
            &rules::HEADER_NAME_MALFORMED,
            format!(
                "the header name {shown} has a character that is not allowed there: use letters, \
                 digits and `-`"
            ),
        ));
    }
    if value.chars().any(|letter| letter.is_ascii_control()) {
        seen.push((
            &rules::HEADER_VALUE_CONTROL,
            format!("the value of the header {shown} has a control character"),
        ));
    } else if value.trim_matches(' ') != value {
        seen.push((
            &rules::HEADER_VALUE_PADDED,
            format!("the value of the header {name:?} begins or ends with white space"),
        ));
    }
    if is_hop_by_hop(lower.as_bytes()) {
        let text = format!("the header {shown} is hop-by-hop: only the server may send it");
        seen.push((&rules::HEADER_HOP_BY_HOP, text));
    }
    match lower.as_str() {
        "status" => seen.push((
            &rules::HEADER_STATUS,
            format!("the header {shown} is reserved: pass the status to start_response"),
        )),
        "content-length" if length(value).is_none() => seen.push((
            &rules::CONTENT_LENGTH_MALFORMED,
            format!("Content-Length is {value:?}, which is not a number of bytes"),
        )),
        "etag" if !is_etag(value) => seen.push((
            &rules::ETAG_MALFORMED,
            format!("the ETag {value:?} is not in double quotes"),
        )),
        "date" | "last-modified" if !is_date(value) => seen.push((
            &rules::DATE_MALFORMED,
            format!(
                "the value of the header {shown} is not an HTTP date, such as `Sun, 06 Nov 1994 \
                 08:49:37 GMT`"
            ),
        )),
        "set-cookie" if is_folded(value) => seen.push((
            &rules::SET_COOKIE_FOLDED,
            format!("the header {shown} holds several cookies: send a Set-Cookie for each"),
        )),
        _ => {}
    }
}

/// The values of a field, in order; the name is in small letters.
pub fn values<'a>(fields: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    let is_it = move |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
    fields.iter().filter(is_it).map(|(_, value)| value.as_str())
}

/// RFC 9110, section 8.6: digits alone.
#[must_use]
pub fn length(value: &str) -> Option<u64> {
    let digits = value.trim_matches(' ');
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// RFC 9110, section 5.6.2: tchar.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9110, section 8.8.3.
fn is_etag(value: &str) -> bool {
    let opaque = value.strip_prefix("W/").unwrap_or(value);
    let inner = opaque
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.contains(['"', ' ']))
}

/// RFC 9110, section 5.6.7: the form that is sent, `Sun, 06 Nov 1994 08:49:37 GMT`.
fn is_date(value: &str) -> bool {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let is_number = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let words: Vec<&str> = value.split(' ').collect();
    let [day, number, month, year, time, zone] = words[..] else {
        return false;
    };
    let time: Vec<&str> = time.split(':').collect();
    day.strip_suffix(',').is_some_and(|day| DAYS.contains(&day))
        && is_number(number, 2)
        && MONTHS.contains(&month)
        && is_number(year, 4)
        && time.len() == 3
        && time.iter().all(|part| is_number(part, 2))
        && zone == "GMT"
}

/// Whether a comma separates two cookies; the one in a date is followed by no `=`.
fn is_folded(value: &str) -> bool {
    value.split(", ").skip(1).any(|part| {
        let name = part.split([';', ' ', '"']).next().unwrap_or_default();
        let name = name.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty() && name.bytes().all(is_token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(fields: &[(&str, &str)]) -> Vec<&'static str> {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        judge(&fields).iter().map(|(rule, _)| rule.name).collect()
    }

    #[test]
    fn each_fault_has_its_rule() {
        for (name, value, wanted) in [
            ("X:", "1", "header-name-malformed"),
            ("X Y", "1", "header-name-malformed"),
            ("", "1", "header-name-malformed"),
            ("X", "a\r\nY: b", "header-value-control"),
            ("X", " a", "header-value-padded"),
            ("X", "\u{2713}", "header-not-latin-1"),
            ("connection", "close", "header-hop-by-hop"),
            ("Status", "200 OK", "header-status"),
            ("Content-Length", "many", "content-length-malformed"),
            ("Content-Length", "-1", "content-length-malformed"),
            ("ETag", "abc", "etag-malformed"),
            ("Date", "2020-01-01", "date-malformed"),
            ("Set-Cookie", "a=1; Path=/, b=2", "set-cookie-folded"),
        ] {
            assert_eq!(names(&[(name, value)]), [wanted], "{name}: {value:?}");
        }
    }

    #[test]
    fn correct_fields_have_no_findings() {
        let fields = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", "12"),
            ("ETag", "W/\"a,b\""),
            ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Expires", "0"),
            (
                "Set-Cookie",
                "a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Path=/",
            ),
            ("Set-Cookie", "b=\"x, y\""),
            ("Vary", "Cookie"),
            ("Vary", "Accept"),
            ("X_y", "caf\u{e9}"),
            ("X-Empty", ""),
        ];
        assert_eq!(names(&fields), [""; 0]);
        assert_eq!(
            names(&[("Date", "Sun, 06 Nov 1994 08:49:37 GMT"); 2]),
            ["header-repeated"]
        );
    }
}
