//! What a typed URL says besides where to go: escapes for curl, a user name and password, the name of a file.

/// The URL without the backslashes that escape brackets and braces for curl, which takes them for patterns of
/// several URLs.
#[must_use]
pub fn without_escapes(text: &str) -> String {
    let mut meant = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(sign) = rest.next() {
        let is_escape = sign == '\\' && rest.peek().is_some_and(|next| "[]{}".contains(*next));
        if !is_escape {
            meant.push(sign);
        }
    }
    meant
}

/// A URL as text, without its user name and password.
#[must_use]
pub fn without_user(text: &str) -> String {
    // The first of these ends the part in which an authority may begin (RFC 3986, section 3).
    let before = text.find(['/', '?', '#']).unwrap_or(text.len());
    let is_begun =
        text[before..].starts_with("//") && (before == 0 || text[..before].ends_with(':'));
    let start = if is_begun { before + 2 } else { 0 };
    let (before, rest) = text.split_at(start);
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let place = authority.rsplit('@').next().unwrap_or_default();
    [before, place, rest].concat()
}

/// The name of the file that curl would write for a typed URL: the last name in the path as it was typed, with its
/// codes. Empty if there is none.
#[must_use]
pub fn file_name(text: &str) -> &str {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let path = match path.split_once("//") {
        Some((scheme, rest)) if scheme.is_empty() || scheme.ends_with(':') => {
            rest.split_once('/').map_or("", |(_, path)| path)
        }
        _ => path,
    };
    match path.rsplit(['/', '\\']).next() {
        Some("." | "..") | None => "",
        Some(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_the_last_one_as_it_was_typed() {
        for (text, name) in [
            ("/a/b%20c.txt?x=/d#e/f", "b%20c.txt"),
            ("/a%2Fb", "a%2Fb"),
            ("/caf\u{e9}", "caf\u{e9}"),
            ("http://h/a\\b", "b"),
            ("name", "name"),
            ("/a//b", "b"),
            ("/a/", ""),
            ("/a/..", ""),
            ("http://h", ""),
            ("//h", ""),
            ("", ""),
        ] {
            assert_eq!(file_name(text), name, "{text}");
        }
    }

    #[test]
    fn a_user_name_is_left_out_of_an_authority_alone() {
        for (text, shown) in [
            ("https://u:p@h:81/a@b?c", "https://h:81/a@b?c"),
            ("//u@h", "//h"),
            ("/a@b", "/a@b"),
            ("/login?next=//me@x/", "/login?next=//me@x/"),
            ("?next=http://a@b/", "?next=http://a@b/"),
            ("http://h/x//y@z", "http://h/x//y@z"),
        ] {
            assert_eq!(without_user(text), shown, "{text}");
        }
    }
}
