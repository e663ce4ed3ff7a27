//! "Did you mean": suggestions for an unknown word.

/// The most similar known word, if it differs by few letters: at most one for every three.
#[must_use]
pub fn meant<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let changes = |known: &'a str| (strsim::osa_distance(word, known), known);
    let known = known.into_iter().map(changes);
    let alike = known.filter(|(changes, known)| *changes <= word.len().max(known.len()) / 3);
    alike
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, known)| known)
}

/// A suggestion and a list of the known words, for the end of an error message. All words begin with `prefix`,
/// which does not count as similarity.
pub(crate) fn suggestion<T: AsRef<str>>(word: &str, known: &[T], prefix: &str) -> String {
    let bare = |word: &'_ str| word.strip_prefix(prefix).unwrap_or(word).to_owned();
    let names: Vec<String> = known.iter().map(|known| bare(known.as_ref())).collect();
    let list = known
        .iter()
        .map(AsRef::as_ref)
        .collect::<Vec<_>>()
        .join(", ");
    match meant(&bare(word), names.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{prefix}{meant}`? The known ones are {list}"),
        None => format!("the known ones are {list}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_differs_by_few_letters_is_suggested() {
        let known = ["request", "serve", "check", "doctor", "log"];
        for (word, expected) in [
            ("reqest", Some("request")),
            ("sevre", Some("serve")),
            ("chek", Some("check")),
            ("Log", Some("log")),
            ("x", None),
            ("", None),
            ("install", None),
        ] {
            assert_eq!(meant(word, known), expected, "{word}");
        }
    }

    #[test]
    fn a_common_prefix_does_not_count_as_similarity() {
        let known = ["WSGI_CGI_VENV", "WSGI_CGI_LOG"];
        assert_eq!(
            suggestion("WSGI_CGI_VNEV", &known, "WSGI_CGI_"),
            "did you mean `WSGI_CGI_VENV`? The known ones are WSGI_CGI_VENV, WSGI_CGI_LOG"
        );
        assert_eq!(
            suggestion("WSGI_CGI_X", &known, "WSGI_CGI_"),
            "the known ones are WSGI_CGI_VENV, WSGI_CGI_LOG"
        );
    }
}
