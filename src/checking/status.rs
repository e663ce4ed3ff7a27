//! The status string that `start_response` gets (PEP 3333, "The start_response() Callable").

use crate::rules::{self, Seen};

/// The status code, where there is one, and what is wrong with the status.
#[must_use]
pub fn judge(status: &str) -> (Option<u16>, Vec<Seen>) {
    let mut seen = Vec::new();
    let shown = format!("{status:?}");
    if status.chars().any(|letter| u32::from(letter) > 0xff) {
        seen.push((
            &rules::STATUS_NOT_LATIN_1,
            format!("the status {shown} has a character that is not in Latin-1"),
        ));
    }
    let digits = status.get(..3).filter(|digits| {
        digits.bytes().all(|byte| byte.is_ascii_digit())
            && !status[3..].starts_with(|next: char| next.is_ascii_digit())
    });
    let code = digits.and_then(|digits| digits.parse::<u16>().ok());
    let rest = if code.is_some() { &status[3..] } else { "" };
    let malformed = |why: &str| {
        (
            &rules::STATUS_MALFORMED,
            format!("the status is {shown}: {why} (a correct one is '200 OK')"),
        )
    };
    if code.is_none() {
        seen.push(malformed("it must begin with three digits and a space"));
    } else if status.chars().any(char::is_control) {
        seen.push(malformed("it must not have a control character"));
    } else if rest.trim().is_empty() {
        seen.push((
            &rules::STATUS_WITHOUT_REASON,
            format!("the status is {shown}, without a reason"),
        ));
    } else if !rest.starts_with(' ') {
        seen.push(malformed("a space must follow the digits"));
    }
    match code {
        Some(code @ 100..=199) => seen.push((
            &rules::STATUS_INTERIM,
            format!("the status is {code}, which is not final: the client keeps waiting"),
        )),
        Some(code @ (0..=99 | 600..)) => seen.push((
            &rules::STATUS_UNKNOWN,
            format!("the status is {code}, which is not from 100 to 599"),
        )),
        _ => {}
    }
    (code, seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_rule() {
        for (status, wanted) in [
            ("200 OK", None),
            ("404 Not Found", None),
            ("299 Caf\u{e9}", None),
            ("200", Some("status-without-reason")),
            ("200 ", Some("status-without-reason")),
            ("OK", Some("status-malformed")),
            ("", Some("status-malformed")),
            ("2000 OK", Some("status-malformed")),
            ("200OK", Some("status-malformed")),
            ("200 OK\r\n", Some("status-malformed")),
            ("099 Low", Some("status-unknown")),
            ("600 High", Some("status-unknown")),
            ("103 Early Hints", Some("status-interim")),
            ("200 \u{2713}", Some("status-not-latin-1")),
        ] {
            let (_, seen) = judge(status);
            let names: Vec<_> = seen.iter().map(|(rule, _)| rule.name).collect();
            assert_eq!(names, Vec::from_iter(wanted), "{status:?}");
        }
    }
}
