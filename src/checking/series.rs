//! The series of requests: those that every URL gets, and those that depend on the first answer. It
//! is computed from the answers so far, so that it can be resumed after a process has died of a
//! request.

use crate::answer::Answer;
use crate::pair;
use crate::request::{Asked, Pair, Variant};
use crate::rules::{self, Rule, Seen};

/// What is asked of an application.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Paths with their queries.
    pub urls: Vec<String>,
    /// Further requests, such as those of an OpenAPI file.
    pub further: Vec<Asked>,
    /// Whether requests that may change something are left out.
    pub is_safe: bool,
}

/// Answers by their place in the series; none where there was none.
pub type Answers = [Option<Answer>];

impl Series {
    /// The requests, as far as the answers determine them. With N answers, the next one is at index
    /// N, if there is one.
    #[must_use]
    pub fn requests(&self, answers: &Answers) -> Vec<Asked> {
        let mut list = Vec::new();
        for url in &self.urls {
            let start = list.len();
            list.extend([
                Asked::new("GET", url),
                Asked::new("GET", url).remarked("again"),
                Asked::new("HEAD", url).against(Pair::Head(start)),
            ]);
            let Some(get) = answers.get(start) else {
                return list;
            };
            let get = get.clone().unwrap_or_default();
            list.extend(of_get(url, &get, start));
            list.push(Asked::new("OPTIONS", url));
            if !self.is_safe {
                let start = list.len();
                list.extend(of_post(url, start));
            }
        }
        list.extend(self.further.iter().cloned());
        list.extend(unusual(self.is_safe, list.len()));
        list
    }

    /// What is wrong with the answer to the request at that place, compared with earlier ones.
    #[must_use]
    pub fn judge(&self, answers: &Answers, place: usize) -> Vec<Seen> {
        let requests = self.requests(answers);
        let answer = |place: usize| answers.get(place).cloned().flatten();
        let pair = requests.get(place).and_then(|asked| asked.pair);
        let (Some(pair), Some(this)) = (pair, answer(place)) else {
            return Vec::new();
        };
        match pair {
            Pair::Head(get) | Pair::Condition(get) => {
                let (Some(first), Some(second)) = (answer(get), answer(get + 1)) else {
                    return Vec::new();
                };
                match pair {
                    Pair::Head(_) => pair::head(&first, &second, &this),
                    _ => pair::condition(&first, &second, &this),
                }
            }
            Pair::Full(_) => Vec::new(),
        }
    }

    /// The rule that is broken where this request fails, and the one that it is compared with does
    /// not.
    #[must_use]
    pub fn rule_of_failure(&self, asked: &Asked, answers: &Answers) -> Option<&'static Rule> {
        let Some(Pair::Full(full)) = asked.pair else {
            return None;
        };
        let full = answers.get(full)?.as_ref()?;
        let is_fine = full.is_whole && full.code.is_some_and(|code| code < 500);
        is_fine.then_some(match asked.variant {
            Variant::NoEmpty => &rules::NEEDS_EMPTY,
            Variant::Least => &rules::NEEDS_OPTIONAL,
            Variant::Full | Variant::Empty => &rules::PATH_NOT_UTF_8,
        })
    }
}

/// GET with a query, with fewer variables, with conditions and ranges.
fn of_get(url: &str, get: &Answer, start: usize) -> Vec<Asked> {
    let query = if url.contains('?') { '&' } else { '?' };
    let query = format!("{url}{query}check=1&empty=&text=caf%C3%A9%20%26");
    let again = Asked::new("GET", url).against(Pair::Full(start));
    let mut list = vec![
        Asked::new("GET", &query),
        again
            .clone()
            .of(Variant::Least)
            .remarked("with a minimal environ"),
    ];
    if url.split('?').next() == Some("/") {
        let without = "mounted at a path of its own, without PATH_INFO";
        list.push(again.of(Variant::NoEmpty).remarked(without));
    }
    if get.code != Some(200) {
        return list;
    }
    let asked = |name, value, remark| Asked::new("GET", url).with(name, value).remarked(remark);
    if let Some(etag) = get.field("etag") {
        let asked = asked("If-None-Match", etag, "with If-None-Match");
        list.push(asked.against(Pair::Condition(start)));
    }
    if let Some(date) = get.field("last-modified") {
        let remark = "with If-Modified-Since";
        list.push(asked("If-Modified-Since", date, remark));
    }
    let ranges = get.field("accept-ranges");
    let has_ranges = ranges.is_some_and(|ranges| ranges != "none");
    if has_ranges || get.announced().is_some_and(|length| length > 1) {
        let beyond = "bytes=1000000000000-";
        list.extend([
            asked("Range", "bytes=0-0", "with Range"),
            asked("Range", beyond, "with Range beyond the end"),
        ]);
    }
    list
}

/// POST with a form, with a large body, and without content.
fn of_post(url: &str, start: usize) -> Vec<Asked> {
    let form = "application/x-www-form-urlencoded";
    let post = || Asked::new("POST", url);
    vec![
        post().sending(form, "check=1&text=caf%C3%A9"),
        post()
            .sending("application/octet-stream", large())
            .remarked("with 100000 bytes"),
        post().of(Variant::Empty).remarked("without content"),
        post()
            .of(Variant::Least)
            .remarked("with a minimal environ")
            .against(Pair::Full(start + 2)),
    ]
}

/// Requests with unusual paths and methods, made once for an application.
fn unusual(is_safe: bool, start: usize) -> Vec<Asked> {
    let mut list = vec![
        Asked::new("GET", "/wsgi-cgi-check/no-such-page"),
        Asked::new("GET", "/caf%C3%A9%20%E2%9C%93"),
        Asked::new("GET", "/%FF")
            .remarked("which is not UTF-8")
            .against(Pair::Full(start + 1)),
    ];
    if !is_safe {
        list.push(Asked::new("WSGICHECK", "/").remarked("an unknown method"));
    }
    list
}

/// Content of more than one line and more than one block.
fn large() -> Vec<u8> {
    (0..100_000_u32)
        .map(|place| if place % 97 == 96 { b'\n' } else { b'x' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_is_decided_by_the_first_answer() {
        let series = Series {
            urls: vec!["/".into(), "/b?c=d".into()],
            ..Series::default()
        };
        assert_eq!(series.requests(&[]).len(), 3);
        let get = Answer {
            code: Some(200),
            fields: vec![("ETag".into(), "\"a\"".into())],
            is_whole: true,
            ..Answer::default()
        };
        let with_etag = series.requests(&[Some(get.clone())]);
        let without = series.requests(&[None]);
        assert_eq!(with_etag.len(), without.len() + 1);
        let mut answers = vec![Some(get)];
        while answers.len() < series.requests(&answers).len() {
            answers.push(None);
        }
        let requests = series.requests(&answers);
        let undecodable = requests.iter().find(|asked| asked.url == "/%FF");
        let Some(Pair::Full(place)) = undecodable.and_then(|asked| asked.pair) else {
            panic!("held against another path");
        };
        assert_eq!(requests[place].url, "/caf%C3%A9%20%E2%9C%93");
        let lines: Vec<_> = series.requests(&answers).iter().map(Asked::line).collect();
        assert!(lines.contains(&"GET /b?c=d&check=1&empty=&text=caf%C3%A9%20%26".to_owned()));
        assert!(
            lines
                .last()
                .is_some_and(|line| line.starts_with("WSGICHECK"))
        );
    }
}
