//! Whether a request from this machine was made by a person at it: not by a proxy that passes on
//! requests of others, and not by another site's page in that person's browser. Only such a person
//! sees the debug page. A proxy that adds nothing to its requests looks like a browser, which is
//! what `--no-debug-page` is for.

use std::net::IpAddr;

use crate::http::{Form, RequestHead};

/// How the names of fields begin that only servers add.
const ADDED: [&str; 31] = [
    "akamai-",
    "ali-",
    "b3",
    "cdn-",
    "cf-",
    "client-ip",
    "cloudfront-",
    "do-connecting-ip",
    "eagleid",
    "early-data",
    "fastly-",
    "fly-",
    "forwarded",
    "front-end-",
    "http-",
    "incap-",
    "max-forwards",
    "oidc-",
    "proxy-",
    "real-ip",
    "remote-",
    "ssl-",
    "surrogate-",
    "tailscale-",
    "traceparent",
    "true-client-ip",
    "uber-trace-id",
    "via",
    "weblogic-",
    "wl-proxy-",
    "xff",
];

/// Fields beginning with `X-` that scripts in pages and people send. Servers add too many others to
/// list, so any other one counts as added by a server.
const OF_PAGES: [&str; 12] = [
    "x-access-token",
    "x-ajax",
    "x-api-",
    "x-auth-token",
    "x-csrf",
    "x-http-method",
    "x-inertia",
    "x-livewire",
    "x-pjax",
    "x-requested-with",
    "x-turbo",
    "x-xsrf",
];

/// Whether nothing in the head shows that the request was made elsewhere.
pub(super) fn looks_local(head: &RequestHead) -> bool {
    names_this_machine(head) && !is_passed_on(head) && !is_from_elsewhere(head)
}

/// Whether Host is this machine. Any other name was given this machine's address by a stranger (DNS
/// rebinding), or passed on by a proxy.
fn names_this_machine(head: &RequestHead) -> bool {
    let in_target = match &head.line.target.form {
        Form::Absolute { authority } => is_here(authority),
        Form::Origin | Form::Asterisk => true,
    };
    let host = head.fields.all("host").next().unwrap_or_default();
    in_target && is_here(host)
}

/// Whether a field shows that a proxy passed the request on. Only servers send names with an
/// underscore.
fn is_passed_on(head: &RequestHead) -> bool {
    let is_added = |name: &[u8]| {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let is_any = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
        is_any(&ADDED) || name.starts_with("x-") && !is_any(&OF_PAGES)
    };
    says_close(head)
        || head.fields.has_underscore_names()
        || head.fields.iter().any(|(name, _)| is_added(name))
}

/// Whether the connection is closed after the request, as proxies do that keep no connections open,
/// such as nginx by default (RFC 9110, section 7.6.1); browsers and curl keep theirs.
fn says_close(head: &RequestHead) -> bool {
    head.fields.all("connection").any(|value| {
        let mut options = value.split(|&byte| byte == b',');
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
    })
}

/// Whether a page of another site sent it (Fetch, section 3.2; W3C Fetch Metadata), or a page that
/// was loaded under another name, through a proxy. A link that is followed from a page that sends
/// no Referer counts as the person's own request.
fn is_from_elsewhere(head: &RequestHead) -> bool {
    let is_own = |url: &[u8]| {
        let rest = [&b"http://"[..], b"https://"]
            .into_iter()
            .find_map(|scheme| {
                let start = url.get(..scheme.len())?;
                start
                    .eq_ignore_ascii_case(scheme)
                    .then(|| &url[scheme.len()..])
            });
        rest.is_some_and(|rest| {
            let end = rest.iter().position(|byte| b"/?#\\".contains(byte));
            is_here(&rest[..end.unwrap_or(rest.len())])
        })
    };
    let says = |name, value: &[u8]| head.fields.all(name).any(|said| said == value);
    let is_followed = head.line.method == b"GET" && says("sec-fetch-dest", b"document");
    let mut names = head.fields.all("origin").chain(head.fields.all("referer"));
    !names.all(is_own)
        || (says("sec-fetch-site", b"cross-site") || says("sec-fetch-site", b"same-site"))
            && !is_followed
}

/// Whether a host, with a port or without, is a name of this machine's own.
fn is_here(authority: &[u8]) -> bool {
    let name = match authority.iter().rposition(|&byte| byte == b':') {
        Some(colon) if !authority.ends_with(b"]") => &authority[..colon],
        _ => authority,
    };
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    name == "localhost"
        || name.ends_with(".localhost")
        || address
            .unwrap_or(&name)
            .parse()
            .is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Event, Limits, RequestReader};

    fn asks(request: &str) -> bool {
        let mut reader = RequestReader::new(Limits::default());
        reader.feed(format!("{request}\r\n\r\n").as_bytes());
        match reader.next_event() {
            Event::Head(head) => looks_local(&head),
            other => panic!("{request}: {other:?}"),
        }
    }

    fn asks_with(field: &str) -> bool {
        asks(&format!(
            "GET / HTTP/1.1\r\nHost: localhost:8000\r\n{field}"
        ))
    }

    #[test]
    fn the_host_is_a_name_of_this_machine() {
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost:8000", true),
            ("shop.localhost:8000", true),
            ("127.0.0.1:8000", true),
            ("127.1.2.3", true),
            ("[::1]:8000", true),
            ("[::ffff:127.0.0.1]", true),
            ("", false),
            ("intranet", false),
            ("192.0.2.1:8000", false),
            ("0.0.0.0", false),
            ("localhost.example.org", false),
            ("[2001:db8::1]", false),
        ] {
            let request = format!("GET / HTTP/1.1\r\nHost: {host}");
            assert_eq!(asks(&request), expected, "{host}");
        }
        assert!(!asks("GET / HTTP/1.0"), "a client that says nothing");
        assert!(asks("GET http://localhost/ HTTP/1.1\r\nHost: localhost"));
        assert!(!asks(
            "GET http://shop.example/ HTTP/1.1\r\nHost: localhost"
        ));
        assert!(!asks(
            "GET http://localhost/ HTTP/1.1\r\nHost: shop.example"
        ));
    }

    #[test]
    fn fields_that_servers_add_show_a_proxy() {
        for field in [
            "X-Real-IP: 192.0.2.1",
            "X-Forwarded-For: 127.0.0.1",
            "x-forwarded-proto: https",
            "X-Forwarded-Host: shop.example",
            "Forwarded: for=192.0.2.1",
            "Via: 1.1 proxy",
            "X-Client-IP: 192.0.2.1",
            "CF-Connecting-IP: 192.0.2.1",
            "True-Client-IP: 192.0.2.1",
            "CDN-Loop: x",
            "X-Varnish: 1",
            "Surrogate-Capability: x",
            "X-Scheme: https",
            "X-Url-Scheme: https",
            "X-Nginx-Proxy: true",
            "X-Remote-IP: 192.0.2.1",
            "X-Remote-User: me",
            "X-Host: shop.example",
            "X-Request-Id: 1",
            "Tailscale-User-Login: me",
            "X-Arr-Log-Id: 1",
            "Front-End-Https: on",
            "Proxy-Connection: keep-alive",
            "Remote-Addr: 192.0.2.1",
            "X_Forwarded_For: 192.0.2.1",
            "X-Of-Some-Server: 1",
        ] {
            assert!(!asks_with(field), "{field}");
        }
        for value in [
            "close",
            "Close",
            "close, TE",
            "TE ,CLOSE",
            "upgrade\r\nConnection: close",
        ] {
            for version in ["1.0", "1.1"] {
                assert!(
                    !asks(&format!(
                        "GET / HTTP/{version}\r\nHost: 127.0.0.1:8000\r\nConnection: {value}"
                    )),
                    "{value} {version}"
                );
            }
        }
        assert!(asks_with("Connection: keep-alive"));
        assert!(asks("GET / HTTP/1.0\r\nHost: 127.0.0.1:8000"));
    }

    #[test]
    fn fields_of_people_and_pages_are_not_taken_for_a_proxys() {
        for field in [
            "User-Agent: curl/8.0\r\nAccept: */*",
            "Accept-Language: de\r\nDNT: 1\r\nUpgrade-Insecure-Requests: 1\r\nSec-CH-UA: x\r\nTE: trailers",
            "X-Requested-With: XMLHttpRequest",
            "X-CSRFToken: x\r\nHX-Request: true",
            "Authorization: Basic x\r\nCookie: a=b",
        ] {
            assert!(asks_with(field), "{field}");
        }
    }

    #[test]
    fn a_request_of_another_sites_page_is_not_a_persons() {
        for (method, fields, expected) in [
            ("POST", "Origin: http://localhost:8000", true),
            ("POST", "Origin: http://127.0.0.1:3000", true),
            ("POST", "Origin: http://evil.example", false),
            ("POST", "Origin: null", false),
            ("GET", "Origin: https://evil.example", false),
            ("POST", "Sec-Fetch-Site: same-origin", true),
            ("POST", "Sec-Fetch-Site: none", true),
            ("POST", "Sec-Fetch-Site: cross-site", false),
            ("POST", "Sec-Fetch-Site: same-site", false),
            ("GET", "Referer: https://shop.example/", false),
            ("POST", "Referer: http://evil.example/", false),
            ("GET", "Referer: http://evil.example/localhost/", false),
            ("GET", "Referer: about:client", false),
            ("GET", "Referer: http://localhost:8000/a?b=http://c/", true),
            ("POST", "Referer: HTTP://127.0.0.1/", true),
            (
                "POST",
                "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document",
                false,
            ),
            (
                "GET",
                "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: iframe",
                false,
            ),
            (
                "GET",
                "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document",
                true,
            ),
        ] {
            let request = format!("{method} / HTTP/1.1\r\nHost: localhost:8000\r\n{fields}");
            assert_eq!(asks(&request), expected, "{method} {fields}");
        }
    }
}
