//! Whether this gateway sends what the application answered: compares the answer to a direct call
//! with the gateway's CGI response. Parts that differ between direct calls are left out.

use crate::answer::Answer;
use crate::rules::{self, Seen};

/// What came out of the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// `200 OK`
    pub status: String,
    /// The header fields.
    pub fields: Vec<(String, String)>,
    /// What follows the head.
    pub content: Vec<u8>,
}

impl Sent {
    /// Parses a CGI response (RFC 3875, section 6); `None` without a complete head.
    #[must_use]
    pub fn parse(response: &[u8]) -> Option<Self> {
        let end = response.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head: String = response[..end]
            .iter()
            .map(|&byte| char::from(byte))
            .collect();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.strip_prefix("Status: ")?.to_owned();
        let fields: Option<Vec<_>> = lines
            .map(|line| {
                let (name, value) = line.split_once(':')?;
                Some((name.to_owned(), value.trim_matches(' ').to_owned()))
            })
            .collect();
        Some(Self {
            status,
            fields: fields?,
            content: response[end + 4..].to_vec(),
        })
    }
}

/// What the gateway changed but should not have, in words; `direct` are the answers of the
/// application itself to equal requests, one at least.
#[must_use]
pub fn differences(method: &str, direct: &[Answer], sent: &Sent) -> Vec<Seen> {
    let Some(first) = direct.first() else {
        return Vec::new();
    };
    let mut texts = Vec::new();
    let is_steady = |part: fn(&Answer) -> &str| direct.iter().all(|one| part(one) == part(first));
    // The gateway completes a status that has no reason.
    let given = first.status.trim_end();
    if is_steady(|answer| &answer.status)
        && sent.status != given
        && !(given.len() == 3 && sent.status.starts_with(given))
    {
        texts.push(format!(
            "the status {given:?} was sent as {:?}",
            sent.status
        ));
    }
    texts.extend(of_fields(direct, sent));
    let has_content = method != "HEAD" && !matches!(first.code, Some(204 | 205 | 304));
    let wanted = if has_content { expected(first) } else { &[] };
    let is_same = direct.iter().all(|one| expected(one) == expected(first));
    let is_known = first.length <= first.content.len() as u64;
    let is_sent = without_addresses(wanted) == without_addresses(&sent.content);
    if is_known && (is_same || !has_content) && !is_sent {
        texts.push(format!(
            "{} bytes of content were sent, not the {} that the application returned",
            sent.content.len(),
            wanted.len()
        ));
    }
    texts
        .into_iter()
        .map(|text| (&rules::GATEWAY_DIFFERS, text))
        .collect()
}

/// Removes the addresses of objects, `0x7f01a2b3c4d0`: they differ with the gateway, and a page
/// that prints its environ shows them.
fn without_addresses(content: &[u8]) -> Vec<u8> {
    let mut rest = content;
    let mut kept = Vec::with_capacity(content.len());
    while let [first, tail @ ..] = rest {
        kept.push(*first);
        rest = tail;
        if kept.ends_with(b"0x") {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit());
            rest = &rest[digits.count()..];
        }
    }
    kept
}

/// The content up to what Content-Length says.
fn expected(answer: &Answer) -> &[u8] {
    let most = answer
        .announced()
        .and_then(|most| usize::try_from(most).ok());
    let most = most.unwrap_or(usize::MAX).min(answer.content.len());
    &answer.content[..most]
}

/// Checks that each field that does not vary is sent, in order, and that nothing but a correct
/// Content-Length is added.
fn of_fields(direct: &[Answer], sent: &Sent) -> Vec<String> {
    let first = &direct[0];
    let mut texts = Vec::new();
    let names = |fields: &[(String, String)]| -> Vec<String> {
        fields
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect()
    };
    if direct
        .iter()
        .any(|one| names(&one.fields) != names(&first.fields))
    {
        return texts;
    }
    let mut rest = sent.fields.iter();
    let mut added = Vec::new();
    for (place, (name, value)) in first.fields.iter().enumerate() {
        let is_steady = direct.iter().all(|one| one.fields[place].1 == *value);
        let is_it = |(other, text): &(String, String)| {
            other.eq_ignore_ascii_case(name) && (!is_steady || text == value.trim_matches(' '))
        };
        // RFC 3875, section 6.2.3: in CGI only a redirect has it, and servers would redirect.
        if first.code == Some(200) && name.eq_ignore_ascii_case("location") {
            continue;
        }
        let before: Vec<_> = rest.clone().take_while(|field| !is_it(field)).collect();
        if before.len() == rest.len() {
            texts.push(format!(
                "the header ({name:?}, {value:?}) was left out or changed"
            ));
            continue;
        }
        added.extend(before.iter().copied());
        rest.nth(before.len());
    }
    added.extend(rest);
    for (name, value) in added {
        let is_length = name.eq_ignore_ascii_case("content-length");
        let is_true = first.length.to_string() == *value
            || direct.iter().any(|one| one.length != first.length);
        if !(is_length && is_true) {
            texts.push(format!("the header ({name:?}, {value:?}) was added"));
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(date: &str) -> Answer {
        Answer {
            code: Some(200),
            status: "200 OK".into(),
            fields: vec![("X".into(), "1".into()), ("Date".into(), date.into())],
            content: b"abc".to_vec(),
            length: 3,
            is_whole: true,
            ..Answer::default()
        }
    }

    fn told(response: &str, direct: &[Answer]) -> Vec<String> {
        let sent = Sent::parse(response.as_bytes()).expect("a response");
        let seen = differences("GET", direct, &sent);
        seen.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn parts_that_vary_are_not_compared() {
        let steady = [answer("1"), answer("1")];
        let varied = [answer("1"), answer("2")];
        let right = "Status: 200 OK\r\nX: 1\r\nDate: 1\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(told(right, &steady), [""; 0]);
        let shown = |address: &str| Answer {
            content: format!("<a at 0x{address}>").into_bytes(),
            length: 11,
            ..answer("1")
        };
        let sent = right
            .replace("abc", "<a at 0x9f>")
            .replace("Length: 3", "Length: 11");
        assert_eq!(told(&sent, &[shown("7e"), shown("7e")]), [""; 0]);
        assert_eq!(told(&sent.replace("<a", "<b"), &[shown("7e")]).len(), 1);
        let later = right.replace("Date: 1", "Date: 3");
        assert_eq!(told(&later, &varied), [""; 0]);
        assert_eq!(told(&later, &steady).len(), 2);
        assert_eq!(told(&right.replace("OK", "Fine"), &steady).len(), 1);
        assert_eq!(told(&right.replace("abc", "abd"), &steady).len(), 1);
        assert_eq!(
            told(&right.replace("Length: 3", "Length: 4"), &steady).len(),
            1
        );
        assert_eq!(told(&right.replace("\r\nX: 1", ""), &varied).len(), 1);
    }
}
