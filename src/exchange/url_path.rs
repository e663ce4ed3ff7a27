//! The path of the URL that was asked for, as servers read it: decoded, without `.` and `..`. They do not
//! agree on `%2F` and on two slashes in a row, so that one URL has several readings. Which of them the
//! server had is for whoever compares them with its other variables (`mount.rs`).

use percent_encoding::percent_decode;

/// Each reading of the path of a URL or of a request-target, which may be a whole URL (RFC 9112, section
/// 3.2.2); none where it has no path. The first is that of a server that is left as it comes.
pub(super) fn readings(target: &[u8]) -> Vec<Vec<u8>> {
    let Some(path) = path_of(target) else {
        return Vec::new();
    };
    let mut readings = Vec::new();
    let several: &[bool] = if has_encoded_slash(target) {
        &[false, true]
    } else {
        &[false]
    };
    for &keeps_encoded in several {
        let decoded = decoded(path, keeps_encoded);
        for keeps_empty in [false, true] {
            readings.push(walked(&decoded, keeps_empty));
        }
    }
    readings.dedup();
    readings
}

/// Whether the path has a slash that only the server knows how it was read.
pub(super) fn has_encoded_slash(target: &[u8]) -> bool {
    path_of(target).is_some_and(|path| (0..path.len()).any(|at| is_encoded_slash(&path[at..])))
}

/// The part of a URL or of a request-target that is its path, as it was sent.
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

/// Decoded as PATH_INFO is (RFC 3875, section 4.1.5); Apache's `AllowEncodedSlashes NoDecode` keeps `%2F`.
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

/// Where a path leads (RFC 3986, section 5.2.4). Apache's `MergeSlashes Off` and nginx's `merge_slashes
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
        let readings = readings(target.as_bytes()).into_iter();
        readings
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
    fn what_servers_do_not_agree_on_has_several() {
        assert_eq!(all("/a//b"), ["/a/b", "/a//b"]);
        assert_eq!(all("/a//"), ["/a/", "/a//"]);
        assert_eq!(all("/a%2Fb"), ["/a/b", "/a%2Fb"]);
        assert_eq!(all("/a%2f..%2fb"), ["/b", "/a%2f..%2fb"]);
        assert!(has_encoded_slash(b"/a%2fb"));
        assert!(!has_encoded_slash(b"/a%252fb?%2f"));
    }

    #[test]
    fn what_has_no_path_has_none() {
        for target in ["", "*", "?x", "http://a.example", "example.org:443"] {
            assert_eq!(all(target), Vec::<String>::new(), "{target}");
        }
    }
}
