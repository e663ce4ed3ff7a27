//! The messages on a pipe from the process that calls the application to the one that waits for it:
//! which request it makes, what it found, and what was answered. Each is a netstring of netstrings;
//! one encoder, one decoder.

use crate::answer::Answer;
use crate::finding::Finding;
use crate::rules;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// This request begins.
    Begins(String),
    /// A finding.
    Found(Finding),
    /// The answer.
    Answered(Answer),
    /// The request has ended, and what it left behind was checked.
    Ends,
}

impl Message {
    /// As it goes over the pipe.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        match self {
            Self::Begins(request) => parts.extend([b"begins".to_vec(), request.clone().into()]),
            Self::Found(finding) => parts.extend([
                b"found".to_vec(),
                finding.rule.name.into(),
                finding.place.clone().into(),
                finding.request.clone().into(),
                finding.message.clone().into(),
            ]),
            Self::Answered(answer) => {
                parts.extend([
                    b"answered".to_vec(),
                    answer
                        .code
                        .map_or(String::new(), |code| code.to_string())
                        .into(),
                    answer.status.clone().into(),
                    answer.length.to_string().into(),
                    u8::from(answer.is_whole).to_string().into(),
                    answer.content.clone(),
                    answer.place.clone().into(),
                ]);
                for (name, value) in &answer.fields {
                    parts.extend([name.clone().into_bytes(), value.clone().into_bytes()]);
                }
            }
            Self::Ends => parts.push(b"ends".to_vec()),
        }
        let whole: Vec<u8> = parts.iter().flat_map(|part| netstring(part)).collect();
        netstring(&whole)
    }

    /// The first message of what arrived, and its length in bytes; `None` where it is not complete
    /// yet.
    #[must_use]
    pub fn decode(came: &[u8]) -> Option<(Self, usize)> {
        let (whole, taken) = take(came)?;
        let mut parts = Vec::new();
        let mut rest = whole;
        while let Some((part, taken)) = take(rest) {
            parts.push(part);
            rest = &rest[taken..];
        }
        Some((Self::of(&parts)?, taken))
    }

    fn of(parts: &[&[u8]]) -> Option<Self> {
        let text = |place: usize| {
            let part = parts.get(place).copied().unwrap_or_default();
            String::from_utf8_lossy(part).into_owned()
        };
        Some(match *parts.first()? {
            b"begins" => Self::Begins(text(1)),
            b"found" => Self::Found(Finding {
                rule: rules::named(&text(1))?,
                place: text(2),
                request: text(3),
                message: text(4),
                times: 1,
            }),
            b"answered" => Self::Answered(Answer {
                code: text(1).parse().ok(),
                status: text(2),
                length: text(3).parse().ok()?,
                is_whole: text(4) == "1",
                content: parts.get(5)?.to_vec(),
                place: text(6),
                fields: (7..parts.len().saturating_sub(1))
                    .step_by(2)
                    .map(|place| (text(place), text(place + 1)))
                    .collect(),
            }),
            b"ends" => Self::Ends,
            _ => return None,
        })
    }
}

fn netstring(part: &[u8]) -> Vec<u8> {
    [format!("{}:", part.len()).as_bytes(), part, b","].concat()
}

fn take(came: &[u8]) -> Option<(&[u8], usize)> {
    let colon = came.iter().position(|&byte| byte == b':')?;
    let length: usize = std::str::from_utf8(&came[..colon]).ok()?.parse().ok()?;
    let end = colon.checked_add(1)?.checked_add(length)?;
    let part = came.get(colon + 1..end)?;
    (came.get(end) == Some(&b',')).then_some((part, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_encoding() {
        let finding = Finding {
            rule: &rules::RAISES,
            place: "a.py:1".into(),
            request: "GET /é".into(),
            message: "a,3:b\n".into(),
            times: 1,
        };
        let answer = Answer {
            code: Some(200),
            status: "200 OK".into(),
            fields: vec![("A".into(), "1,".into()), ("B".into(), String::new())],
            content: vec![0, b',', 255],
            length: 3,
            is_whole: true,
            place: "a.py:2".into(),
        };
        for told in [
            Message::Begins("GET /".into()),
            Message::Found(finding),
            Message::Answered(answer),
            Message::Answered(Answer::default()),
            Message::Ends,
        ] {
            let mut bytes = told.encode();
            for end in 0..bytes.len() {
                assert_eq!(Message::decode(&bytes[..end]), None);
            }
            let length = bytes.len();
            bytes.extend_from_slice(b"4:");
            assert_eq!(Message::decode(&bytes), Some((told, length)));
        }
    }
}
