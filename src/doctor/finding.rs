//! A finding: a verdict, the check it belongs to, what was seen, and the line that mends it; as text for a
//! terminal and as JSON. The page's HTML is in `page`.

use std::fmt::Write;

use exchange::json::quoted;

/// What it means for the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is as it should be.
    Good,
    /// Not a mistake, or one with certain servers only.
    Note,
    /// It keeps the application from being served, or lets other users change what is served.
    Wrong,
}

impl Verdict {
    /// In one word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Wrong => "wrong",
        }
    }
}

/// One result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    /// Which check it is of, in one word.
    pub(super) about: &'static str,
    pub(super) said: String,
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn good(about: &'static str, said: impl Into<String>) -> Self {
        Self::new(Verdict::Good, about, said)
    }

    pub(super) fn note(about: &'static str, said: impl Into<String>) -> Self {
        Self::new(Verdict::Note, about, said)
    }

    pub(super) fn wrong(about: &'static str, said: impl Into<String>) -> Self {
        Self::new(Verdict::Wrong, about, said)
    }

    fn new(verdict: Verdict, about: &'static str, said: impl Into<String>) -> Self {
        Self {
            verdict,
            about,
            said: said.into(),
            remedy: None,
        }
    }

    /// Adds what mends it.
    pub(super) fn mended_by(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }
}

/// Whether something is wrong.
pub(super) fn is_any_wrong(findings: &[Finding]) -> bool {
    let mut verdicts = findings.iter().map(|finding| finding.verdict);
    verdicts.any(|verdict| verdict == Verdict::Wrong)
}

/// For a terminal: a line for each finding, and one for its remedy.
pub(super) fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let word = finding.verdict.word();
        _ = writeln!(text, "{word:<6} {:<8} {}", finding.about, finding.said);
        if let Some(remedy) = &finding.remedy {
            _ = writeln!(text, "{:15} -> {remedy}", "");
        }
    }
    let wrong = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Wrong)
        .count();
    _ = match wrong {
        0 => writeln!(text, "Nothing is wrong."),
        1 => writeln!(text, "One thing is wrong."),
        many => writeln!(text, "{many} things are wrong."),
    };
    text
}

/// For a program: a list of objects.
pub(super) fn json(findings: &[Finding]) -> String {
    let object = |finding: &Finding| {
        let remedy = finding.remedy.as_deref().map_or("null".into(), quoted);
        format!(
            "  {{\"verdict\": {}, \"about\": {}, \"said\": {}, \"remedy\": {remedy}}}",
            quoted(finding.verdict.word()),
            quoted(finding.about),
            quoted(&finding.said),
        )
    };
    let objects: Vec<String> = findings.iter().map(object).collect();
    format!("[\n{}\n]\n", objects.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_whatever_was_said() {
        let finding = Finding::wrong("line", "a \"b\"\\\n\u{1b}").mended_by("é");
        assert_eq!(
            json(&[finding]),
            "[\n  {\"verdict\": \"wrong\", \"about\": \"line\", \
             \"said\": \"a \\\"b\\\"\\\\\\u000a\\u001b\", \"remedy\": \"é\"}\n]\n"
        );
    }
}
