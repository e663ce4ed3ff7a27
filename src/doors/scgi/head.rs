//! The netstring's inside: names and values, each ended by a NUL, become the meta-variables that a server
//! gives a script (RFC 3875, section 4.1).

use percent_encoding::percent_decode;

use super::names::is_a_name;
use exchange::MetaVariables;

/// Why a head is refused.
pub(super) type Wrong = &'static str;

/// No web server has so many variables for a request.
const MOST: usize = 1000;

/// What a head says.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) meta: MetaVariables,
    pub(super) length: u64,
}

impl Head {
    /// Reads what is between the netstring's colon and its comma.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Wrong> {
        let pairs = pairs(bytes)?;
        let value = |wanted: &[u8]| pairs.iter().find(|(name, _)| name == wanted);
        let length = value(b"CONTENT_LENGTH").ok_or("CONTENT_LENGTH is missing")?;
        let length = length_of(&length.1)?;
        match value(b"SCGI") {
            Some((_, version)) if version == b"1" => {}
            _ => return Err("the variable SCGI is missing or is not 1"),
        }
        if value(b"REQUEST_METHOD").is_none_or(|(_, method)| method.is_empty()) {
            return Err("REQUEST_METHOD is missing");
        }
        if let Some((_, method)) = value(b"REQUEST_METHOD")
            && !method.iter().all(u8::is_ascii_graphic)
        {
            return Err("REQUEST_METHOD is not a valid HTTP method");
        }
        let mut meta = MetaVariables::from_pairs(pairs);
        meta.remove("SCGI");
        // Even if the client sent chunks, the web server passes on content of known length (RFC
        // 9112, section 7).
        meta.remove("HTTP_TRANSFER_ENCODING");
        meta.set("GATEWAY_INTERFACE", "CGI/1.1");
        if length == 0 && matches!(meta.get("REQUEST_METHOD"), Some(b"GET" | b"HEAD")) {
            // SCGI always has it; CGI does not have it for a request without content (section
            // 4.1.2).
            meta.remove("CONTENT_LENGTH");
        }
        find_path(&mut meta);
        Ok(Self { meta, length })
    }
}

/// A name and its value.
type Pair = (Vec<u8>, Vec<u8>);

/// The names and values; of a name that came twice, one.
fn pairs(bytes: &[u8]) -> Result<Vec<Pair>, Wrong> {
    let inside = bytes
        .strip_suffix(b"\0")
        .ok_or("the head does not end with a NUL")?;
    let mut parts = inside.split(|&byte| byte == 0);
    let mut pairs: Vec<Pair> = Vec::new();
    while let Some(name) = parts.next() {
        if pairs.len() == MOST {
            return Err("the head has too many variables");
        }
        let value = parts
            .next()
            .ok_or("the last name in the head has no value")?;
        if !is_a_name(name) {
            return Err("a name in the head is not a valid variable name");
        }
        match pairs.iter_mut().find(|(known, _)| known == name) {
            None => pairs.push((name.to_vec(), value.to_vec())),
            Some((_, known)) if known == value => {}
            // RFC 3875, section 4.1.18: fields of one name become one value. nginx before 1.23 leaves
            // that to the receiver.
            Some((_, known)) if name.starts_with(b"HTTP_") => {
                let between: &[u8] = if name == b"HTTP_COOKIE" { b"; " } else { b", " };
                known.extend_from_slice(between);
                known.extend_from_slice(value);
            }
            Some(_) => return Err("a variable came twice with different values"),
        }
    }
    Ok(pairs)
}

/// Digits and nothing else: parsers differ on any other form.
fn length_of(value: &[u8]) -> Result<u64, Wrong> {
    let wrong = "CONTENT_LENGTH is not a number";
    if !value.iter().all(u8::is_ascii_digit) {
        return Err(wrong);
    }
    let text = std::str::from_utf8(value).map_err(|_| wrong)?;
    // Without a digit, or with too many.
    text.parse().map_err(|_| wrong)
}

/// Where the server does not split the path, all of it is the application's: Apache sends it as
/// SCRIPT_NAME alone, nginx's own list as DOCUMENT_URI.
fn find_path(meta: &mut MetaVariables) {
    if meta.value(b"PATH_INFO").is_some() {
        return;
    }
    let path = ["SCRIPT_NAME", "DOCUMENT_URI"]
        .iter()
        .find_map(|name| meta.get(name));
    let path = path.map(<[u8]>::to_vec).or_else(|| {
        let target = meta.get("REQUEST_URI")?;
        let path = target.split(|&byte| byte == b'?').next()?;
        path.starts_with(b"/")
            .then(|| percent_decode(path).collect())
    });
    if let Some(path) = path {
        meta.set("SCRIPT_NAME", "");
        meta.set("PATH_INFO", path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Head, Wrong> {
        let bytes: Vec<u8> = pairs
            .iter()
            .flat_map(|(name, value)| format!("{name}\0{value}\0").into_bytes())
            .collect();
        Head::parse(&bytes)
    }

    const USUAL: [(&str, &str); 3] = [
        ("CONTENT_LENGTH", "0"),
        ("SCGI", "1"),
        ("REQUEST_METHOD", "GET"),
    ];

    fn with(more: &[(&str, &str)]) -> Result<Head, Wrong> {
        parse(&[&USUAL[..], more].concat())
    }

    #[test]
    fn an_unsplit_path_becomes_path_info() {
        for (given, name, path) in [
            (&[("SCRIPT_NAME", "/a/b")][..], "", "/a/b"),
            (&[("DOCUMENT_URI", "/a b")], "", "/a b"),
            (&[("REQUEST_URI", "/a%20b?c")], "", "/a b"),
            (&[("SCRIPT_NAME", "/a"), ("PATH_INFO", "/b")], "/a", "/b"),
            (&[("SCRIPT_NAME", "/a"), ("PATH_INFO", "")], "/a", ""),
        ] {
            let meta = with(given).expect("a request").meta;
            let value = |name: &[u8]| meta.value(name).map(<[u8]>::to_vec).unwrap_or_default();
            assert_eq!(value(b"SCRIPT_NAME"), name.as_bytes(), "{given:?}");
            assert_eq!(value(b"PATH_INFO"), path.as_bytes(), "{given:?}");
        }
    }

    #[test]
    fn ambiguous_heads_are_refused() {
        for more in [
            &[("CONTENT_LENGTH", "5")][..],
            &[("QUERY_STRING", "a"), ("QUERY_STRING", "b")],
            &[("", "x")],
            &[("A=B", "x")],
        ] {
            assert!(with(more).is_err(), "{more:?}");
        }
        for length in [
            "",
            "+1",
            "-1",
            "1 ",
            "0x1",
            "1,1",
            "99999999999999999999999",
        ] {
            let result = parse(&[("CONTENT_LENGTH", length), USUAL[1], USUAL[2]]);
            assert!(result.is_err(), "{length}");
        }
        for left_out in 0..3 {
            let mut pairs = USUAL.to_vec();
            pairs.remove(left_out);
            assert!(parse(&pairs).is_err(), "{left_out}");
        }
        assert!(Head::parse(b"CONTENT_LENGTH\x000\0SCGI\x001\0REQUEST_METHOD\0GET").is_err());
        assert!(Head::parse(b"").is_err());
    }

    #[test]
    fn fields_of_one_name_are_one_value() {
        let twice = [
            ("HTTP_X", "1"),
            ("HTTP_X", "2"),
            ("HTTP_COOKIE", "a=1"),
            ("HTTP_COOKIE", "b=2"),
        ];
        let meta = with(&twice).expect("a request").meta;
        assert_eq!(meta.get("HTTP_X"), Some(&b"1, 2"[..]));
        assert_eq!(meta.get("HTTP_COOKIE"), Some(&b"a=1; b=2"[..]));
    }

    #[test]
    fn a_request_without_content_has_no_length() {
        assert_eq!(
            with(&[]).expect("a request").meta.value(b"CONTENT_LENGTH"),
            None
        );
        let post = parse(&[USUAL[0], USUAL[1], ("REQUEST_METHOD", "POST")]).expect("a request");
        assert_eq!(post.meta.get("CONTENT_LENGTH"), Some(&b"0"[..]));
    }
}
