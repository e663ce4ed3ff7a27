//! From an HTTP request to the meta-variables of a CGI one (RFC 3875, section 4.1), as Apache and
//! lighttpd have them, so that an application sees here what it will see behind those.

use super::{BodyFraming, Form, RequestHead};
use exchange::MetaVariables;

/// The two ends of the connection, as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endpoints<'a> {
    /// The server's name or address; an IPv6 address in brackets (section 4.1.14).
    pub server_name: &'a str,
    /// The port the connection came in at.
    pub server_port: &'a str,
    /// The client's address.
    pub remote_addr: &'a str,
    /// The client's port; empty where there is none, as on a Unix socket.
    pub remote_port: &'a str,
}

/// Fields that do not become `HTTP_*` variables. Those about the connection alone (Connection,
/// Keep-Alive, TE, Upgrade) do, though section 4.1.18 would have them left out: Apache and lighttpd
/// pass them on, and applications look at Upgrade to tell a WebSocket client what is wrong.
const LEFT_OUT: [&str; 6] = [
    // Section 4.1.18: they are CONTENT_LENGTH and CONTENT_TYPE already.
    "content-length",
    "content-type",
    // RFC 9112, section 7.1.3: whoever decodes the content removes the coding's name. Left in, it
    // would say that the body is still in chunks.
    "transfer-encoding",
    // The trailer section is dropped with its announcement.
    "trailer",
    // HTTP_PROXY is a setting to many HTTP clients (CVE-2016-5385).
    "proxy",
    // Section 4.1.18: credentials need not be passed on; these are not even meant for this server.
    "proxy-authorization",
];

/// The meta-variables of a request. `decoded` is the length of content that came in chunks, known
/// once it was read to its end.
#[must_use]
pub fn meta_variables(
    head: &RequestHead,
    endpoints: &Endpoints<'_>,
    decoded: Option<u64>,
) -> MetaVariables {
    let target = &head.line.target;
    let query = target.query.as_deref().unwrap_or_default();
    let mut variables: Vec<(Vec<u8>, Vec<u8>)> = [
        ("GATEWAY_INTERFACE", &b"CGI/1.1"[..]),
        ("SERVER_SOFTWARE", b"wsgi-cgi"),
        ("SERVER_PROTOCOL", head.line.version.name().as_bytes()),
        ("SERVER_NAME", endpoints.server_name.as_bytes()),
        ("SERVER_PORT", endpoints.server_port.as_bytes()),
        // Else port 443 would be taken for https.
        ("REQUEST_SCHEME", b"http"),
        ("REMOTE_ADDR", endpoints.remote_addr.as_bytes()),
        // Section 4.1.9: the address where no name is looked up.
        ("REMOTE_HOST", endpoints.remote_addr.as_bytes()),
        ("REQUEST_METHOD", &head.line.method),
        ("REQUEST_URI", &target.request_uri()),
        ("SCRIPT_NAME", b""),
        // Section 4.1.5: decoded, and "" or with a leading slash; so "" for `*`.
        ("PATH_INFO", &target.decoded_path),
        // Section 4.1.7: as sent; there even when empty.
        ("QUERY_STRING", query),
    ]
    .map(|(name, value)| (name.into(), value.to_vec()))
    .into();
    let mut set = |name: &str, value: &[u8]| variables.push((name.into(), value.to_vec()));
    if !endpoints.remote_port.is_empty() {
        set("REMOTE_PORT", endpoints.remote_port.as_bytes());
    }
    if let Some(value) = head.fields.all("content-type").next() {
        set("CONTENT_TYPE", value);
    }
    let length = match head.framing {
        BodyFraming::None => None,
        BodyFraming::Length(length) => Some(length),
        BodyFraming::Chunked => decoded,
    };
    if let Some(length) = length {
        set("CONTENT_LENGTH", length.to_string().as_bytes());
    }
    variables.extend(protocol_variables(head));
    MetaVariables::from_pairs(variables)
}

/// Section 4.1.18: `HTTP_*`, of fields with the same name one, their values joined.
fn protocol_variables(head: &RequestHead) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut variables: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    // RFC 9112, section 3.2.2: the authority of the target counts, whatever Host says.
    if let Form::Absolute { authority } = &head.line.target.form {
        variables.push((b"HTTP_HOST".to_vec(), authority.clone()));
    }
    let absolute = !variables.is_empty();
    for (field, value) in head.fields.iter() {
        let is = |name: &str| field.eq_ignore_ascii_case(name.as_bytes());
        if LEFT_OUT.into_iter().any(is) || (absolute && is("host")) {
            continue;
        }
        let mut name = b"HTTP_".to_vec();
        name.extend(field.iter().map(|byte| match byte {
            b'-' => b'_',
            other => other.to_ascii_uppercase(),
        }));
        match variables.iter_mut().find(|(known, _)| *known == name) {
            Some((_, joined)) => {
                // RFC 9110, section 5.3; a Cookie is not a list with commas (RFC 6265, section 5.4;
                // RFC 9113, section 8.2.3).
                let separator: &[u8] = if is("cookie") { b"; " } else { b", " };
                joined.extend_from_slice(separator);
                joined.extend_from_slice(value);
            }
            None => variables.push((name, value.to_vec())),
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Limits, RequestReader};
    use super::*;

    const ENDPOINTS: Endpoints<'_> = Endpoints {
        server_name: "localhost",
        server_port: "8000",
        remote_addr: "127.0.0.1",
        remote_port: "54321",
    };

    fn of(request: &str, decoded: Option<u64>) -> MetaVariables {
        let mut reader = RequestReader::new(Limits::default());
        reader.feed(request.as_bytes());
        match reader.next_event() {
            Event::Head(head) => meta_variables(&head, &ENDPOINTS, decoded),
            other => panic!("{other:?}"),
        }
    }

    /// Tells an empty value from an absent one.
    fn value(meta: &MetaVariables, name: &str) -> Option<String> {
        let found = meta.iter().find(|(key, _)| *key == name.as_bytes());
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    #[test]
    fn a_request_is_described_as_cgi_has_it() {
        let meta = of(
            "POST /a%20b/%C3%A9?x=%20&y HTTP/1.1\r\nHost: h:8000\r\nContent-Type: text/x\r\n\
             Content-Length: 003\r\nUser-Agent: me\r\n\r\n",
            None,
        );
        let expected = [
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("SERVER_SOFTWARE", "wsgi-cgi"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("SERVER_NAME", "localhost"),
            ("SERVER_PORT", "8000"),
            ("REQUEST_SCHEME", "http"),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("REMOTE_HOST", "127.0.0.1"),
            ("REQUEST_METHOD", "POST"),
            ("REQUEST_URI", "/a%20b/%C3%A9?x=%20&y"),
            ("SCRIPT_NAME", ""),
            ("PATH_INFO", "/a b/\u{e9}"),
            ("QUERY_STRING", "x=%20&y"),
            ("REMOTE_PORT", "54321"),
            ("CONTENT_TYPE", "text/x"),
            ("CONTENT_LENGTH", "3"),
            ("HTTP_HOST", "h:8000"),
            ("HTTP_USER_AGENT", "me"),
        ];
        let found: Vec<(&[u8], &[u8])> = meta.iter().collect();
        let expected = expected.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        assert_eq!(found, expected);
    }

    #[test]
    fn the_query_and_the_path_are_there_even_when_empty() {
        let meta = of("OPTIONS * HTTP/1.0\r\n\r\n", None);
        for (name, expected) in [
            ("PATH_INFO", Some("")),
            ("QUERY_STRING", Some("")),
            ("REQUEST_URI", Some("*")),
            ("SERVER_PROTOCOL", Some("HTTP/1.0")),
            ("CONTENT_LENGTH", None),
            ("CONTENT_TYPE", None),
        ] {
            assert_eq!(value(&meta, name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_chunked_body_has_the_length_it_was_found_to_have() {
        let request =
            "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n";
        let meta = of(request, Some(5));
        assert_eq!(value(&meta, "CONTENT_LENGTH").as_deref(), Some("5"));
        assert_eq!(value(&meta, "HTTP_TRANSFER_ENCODING"), None);
        assert_eq!(value(&meta, "HTTP_TRAILER"), None);
        assert_eq!(value(&of(request, None), "CONTENT_LENGTH"), None);
    }

    #[test]
    fn repeated_fields_are_joined_and_cookies_their_own_way() {
        let meta = of(
            "GET / HTTP/1.1\r\nHost: h\r\nCookie: a=1\r\nX-A: 1\r\nx-a: 2\r\ncookie: b=2\r\n\r\n",
            None,
        );
        assert_eq!(value(&meta, "HTTP_X_A").as_deref(), Some("1, 2"));
        assert_eq!(value(&meta, "HTTP_COOKIE").as_deref(), Some("a=1; b=2"));
    }

    #[test]
    fn no_field_poses_as_another_or_as_a_setting() {
        let meta = of(
            "GET / HTTP/1.1\r\nHost: h\r\nX_Real: forged\r\nX-Real: true\r\nProxy: http://x\r\n\
             Proxy-Authorization: Basic x\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n",
            None,
        );
        assert_eq!(value(&meta, "HTTP_X_REAL").as_deref(), Some("true"));
        for name in [
            "HTTP_PROXY",
            "HTTP_PROXY_AUTHORIZATION",
            "HTTP_CONTENT_LENGTH",
            "CONTENT_LENGTH",
            "HTTP_TRANSFER_ENCODING",
        ] {
            assert_eq!(value(&meta, name), None, "{name}");
        }
    }

    #[test]
    fn fields_about_the_connection_stay_as_classic_servers_have_them() {
        let meta = of(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Authorization: Basic eA==\r\n\r\n",
            None,
        );
        assert_eq!(value(&meta, "HTTP_CONNECTION").as_deref(), Some("upgrade"));
        assert_eq!(value(&meta, "HTTP_UPGRADE").as_deref(), Some("websocket"));
        assert_eq!(
            value(&meta, "HTTP_AUTHORIZATION").as_deref(),
            Some("Basic eA==")
        );
    }

    #[test]
    fn the_host_of_an_absolute_target_counts() {
        let meta = of("GET http://a:1/p?q HTTP/1.1\r\nHost: b\r\n\r\n", None);
        assert_eq!(value(&meta, "HTTP_HOST").as_deref(), Some("a:1"));
        assert_eq!(value(&meta, "REQUEST_URI").as_deref(), Some("/p?q"));
    }
}
