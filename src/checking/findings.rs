//! All findings of a series: each is listed once, with the number of requests; the last line sums
//! them up.

use std::fmt::Write as _;

use crate::finding::Finding;
use crate::ignored::Ignored;
use crate::rules::Severity;

/// What was found, in the order of its first occurrence.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Each once.
    pub list: Vec<Finding>,
    /// How many requests were made.
    pub requests: usize,
}

impl Findings {
    /// Adds those of one request, each counted once for it.
    pub fn add(&mut self, found: Vec<Finding>) {
        let before = self.list.len();
        let mut counted = vec![false; before];
        for finding in found {
            match self
                .list
                .iter()
                .position(|known| known.is_same_as(&finding))
            {
                Some(place) if place < before => {
                    if !std::mem::replace(&mut counted[place], true) {
                        self.list[place].times += 1;
                    }
                }
                Some(_) => {}
                None => self.list.push(finding),
            }
        }
    }

    /// Leaves those out whose rules are ignored.
    pub fn ignore(&mut self, ignored: &Ignored) {
        self.list.retain(|finding| !ignored.has(finding.rule));
    }

    /// How many are of that severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let all = self.list.iter();
        all.filter(|finding| finding.rule.severity == severity)
            .count()
    }

    /// Whether there is an error or a warning.
    #[must_use]
    pub fn is_any_wrong(&self) -> bool {
        self.count(Severity::Error) + self.count(Severity::Warning) > 0
    }

    /// The most severe first.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|finding| finding.rule.severity);
    }

    /// A line each, and the last one.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.list {
            _ = writeln!(text, "{finding}");
        }
        let counted = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        let kinds: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
            .into_iter()
            .map(|severity| (self.count(severity), severity.word()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| counted(count, word))
            .collect();
        let kinds = if kinds.is_empty() {
            "nothing is wrong".to_owned()
        } else {
            kinds.join(", ")
        };
        let requests = counted(self.requests, "request");
        _ = writeln!(text, "checked {requests}: {kinds}");
        text
    }

    /// An object with the list and the number of requests.
    #[must_use]
    pub fn json(&self) -> String {
        let list: Vec<String> = self
            .list
            .iter()
            .map(|finding| format!("\n    {}", finding.json()))
            .collect();
        let end = if list.is_empty() { "" } else { "\n  " };
        format!(
            "{{\n  \"requests\": {},\n  \"findings\": [{}{end}]\n}}\n",
            self.requests,
            list.join(",")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;

    fn found(message: &str) -> Finding {
        Finding {
            rule: &rules::WRITE_USED,
            place: String::new(),
            request: "GET /".into(),
            message: message.into(),
            times: 1,
        }
    }

    #[test]
    fn repeated_findings_are_listed_once() {
        let mut findings = Findings::default();
        findings.add(vec![found("a"), found("a"), found("b")]);
        findings.add(vec![found("a"), found("a")]);
        findings.requests = 2;
        assert_eq!(findings.list.len(), 2);
        assert_eq!(findings.list[0].times, 2);
        assert!(findings.text().ends_with("checked 2 requests: 2 notes\n"));
        assert!(!findings.is_any_wrong());
    }
}
