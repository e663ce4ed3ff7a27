//! The path of the requested URL as servers read it: decoded, without `.` and `..`. Servers treat `%2F` and
//! two slashes in a row differently, so one URL can have several interpretations. `mount.rs` compares them with the
//! server's other variables to find the one that this server used.

use percent_encoding::percent_decode;

/// The interpretations of the path of a request-target, which may be a whole URL (RFC 9112, section 3.2.2); empty if
/// it has no path. The first is that of a server with its default settings.
pub(super) fn interpretations(target: &[u8]) -> Vec<Vec<u8>> {
    let Some(path) = path_of(target) else {
        return Vec::new();
    };
    let mut interpretations = Vec::new();
    let several: &[bool] = if has_encoded_slash(target) {
        &[false, true]
    } else {
        &[false]
    };
    for &keeps_encoded in several {
        let decoded = decoded(path, keeps_encoded);
        for keeps_empty in [false, true] {
            interpretations.push(walked(&decoded, keeps_empty));
        }
    }
    interpretations.dedup();
    interpretations
}

/// Whether the path has a `%2F`, which servers read differently.
pub(super) fn has_encoded_slash(target: &[u8]) -> bool {
    path_of(target).is_some_and(|path| (0..path.len()).any(|at| is_encoded_slash(&path[at..])))
}

/// The path of a request-target, as it was sent.
pub(super) fn path_of(target: &[u8]) -> Option<&[u8]> {
    let path = target.split(|&byte| byte == b'?').next()?;
    let is_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let path = match memchr::memmem::find(path, b"://") {
        Some(colon) if path[..colon].iter().all(is_scheme) => {
            let rest = &path[colon + 3..];
            &rest[memchr::memchr(b'/', rest)?..]
        }
        _ => path,
    };
    path.starts_with(b"/").then_some(path)
}

fn is_encoded_slash(text: &[u8]) -> bool {
    text.get(..3)
        .is_some_and(|three| three.eq_ignore_ascii_case(b"%2F"))
}

/// Decodes like PATH_INFO (RFC 3875, section 4.1.5); Apache's `AllowEncodedSlashes NoDecode` keeps `%2F`.
fn decoded(path: &[u8], keeps_encoded: bool) -> Vec<u8> {
    if !keeps_encoded {
        return percent_decode(path).collect();
    }
    let mut twice = Vec::with_capacity(path.len());
    for (at, &byte) in path.iter().enumerate() {
        twice.push(byte);
        if is_encoded_slash(&path[at..]) {
            twice.extend(b"25");
        }
    }
    percent_decode(&twice).collect()
}

/// Removes `.` and `..` (RFC 3986, section 5.2.4). Apache's `MergeSlashes Off` and nginx's `merge_slashes
/// off` keep empty segments.
fn walked(path: &[u8], keeps_empty: bool) -> Vec<u8> {
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut is_folder = false;
    let mut left = path[1..].split(|&byte| byte == b'/').peekable();
    while let Some(segment) = left.next() {
        is_folder = matches!(segment, b"" | b"." | b"..");
        match segment {
            b"." => {}
            b".." => _ = segments.pop(),
            b"" if !keeps_empty || left.peek().is_none() => {}
            segment => segments.push(segment),
        }
    }
    let mut walked = Vec::with_capacity(path.len());
    for segment in segments {
        walked.push(b'/');
        walked.extend(segment);
    }
    if is_folder {
        walked.push(b'/');
    }
    walked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(target: &str) -> Vec<String> {
        let interpretations = interpretations(target.as_bytes()).into_iter();
        interpretations
            .map(|path| String::from_utf8(path).expect("UTF-8"))
            .collect()
    }

    #[test]
    fn most_urls_have_one_reading() {
        for (target, path) in [
            ("/", "/"),
            ("/a", "/a"),
            ("/a/", "/a/"),
            ("/a%20b?c=/d", "/a b"),
            ("/a/./b", "/a/b"),
            ("/a/.", "/a/"),
            ("/a/b/..", "/a/"),
            ("/a/../../b", "/b"),
            ("/a/%2e%2e/b", "/b"),
            ("/100%25", "/100%"),
            ("/a%252Fb", "/a%2Fb"),
            ("http://a.example/b/../c?d", "/c"),
        ] {
            assert_eq!(all(target), [path], "{target}");
        }
    }

    #[test]
    fn urls_that_servers_read_differently_have_several() {
        assert_eq!(all("/a//b"), ["/a/b", "/a//b"]);
        assert_eq!(all("/a//"), ["/a/", "/a//"]);
        assert_eq!(all("/a%2Fb"), ["/a/b", "/a%2Fb"]);
        assert_eq!(all("/a%2f..%2fb"), ["/b", "/a%2f..%2fb"]);
        assert!(has_encoded_slash(b"/a%2fb"));
        assert!(!has_encoded_slash(b"/a%252fb?%2f"));
    }

    #[test]
    fn a_target_without_a_path_has_none() {
        for target in ["", "*", "?x", "http://a.example", "example.org:443"] {
            assert_eq!(all(target), Vec::<String>::new(), "{target}");
        }
    }
}
