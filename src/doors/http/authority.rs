//! `uri-host [ ":" port ]`: the Host field (RFC 9110, section 7.2) and the authority of an
//! absolute target (RFC 3986, section 3.2, without userinfo).

use std::net::Ipv6Addr;

use super::Refusal;
use super::grammar::{digit, is_name_char, number};

/// Refuses anything but a host and port. Empty is allowed: a client whose target has no host sends
/// that.
pub(super) fn check(text: &[u8]) -> Result<(), Refusal> {
    let is_end = |&byte: &u8| byte == b']';
    let (host_is_good, port) = if let Some(end) = text.iter().position(is_end) {
        (is_literal(&text[..end]), &text[end + 1..])
    } else {
        let end = text.iter().position(|&byte| byte == b':');
        let (host, port) = text.split_at(end.unwrap_or(text.len()));
        // RFC 9110, section 4.2.1: an http URI with an empty host is invalid, so nobody sends its
        // port alone.
        (is_name(host) && (!host.is_empty() || port.is_empty()), port)
    };
    if host_is_good && is_port(port) {
        Ok(())
    } else {
        // RFC 9112, section 3.2: an invalid Host field value must be answered with 400.
        Err(Refusal::bad("the Host header is malformed"))
    }
}

/// IP-literal without its closing bracket.
fn is_literal(text: &[u8]) -> bool {
    let Some(address) = text.strip_prefix(b"[") else {
        return false;
    };
    match address {
        // IPvFuture: "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
        [b'v' | b'V', rest @ ..] => {
            let mut parts = rest.splitn(2, |&byte| byte == b'.');
            let version = parts.next().unwrap_or_default();
            let address = parts.next().unwrap_or_default();
            !version.is_empty()
                && version.iter().all(|&byte| digit(byte).is_some())
                && !address.is_empty()
                && address
                    .iter()
                    .all(|&byte| is_name_char(byte) || byte == b':')
        }
        _ => std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok()),
    }
}

/// reg-name, of which an IPv4 address is one; may be empty.
fn is_name(mut text: &[u8]) -> bool {
    loop {
        text = match text {
            [] => return true,
            [b'%', high, low, rest @ ..] if digit(*high).and(digit(*low)).is_some() => rest,
            [byte, rest @ ..] if is_name_char(*byte) => rest,
            _ => return false,
        }
    }
}

/// Nothing, or `":" *DIGIT` with a number that a port can have.
fn is_port(text: &[u8]) -> bool {
    match text {
        [] | b":" => true,
        [b':', digits @ ..] => number(digits).is_some_and(|port| u16::try_from(port).is_ok()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_ports() {
        for good in [
            "",
            "localhost",
            "a.example:80",
            "a.example:",
            "127.0.0.1:8000",
            "[::1]",
            "[::1]:8000",
            "[::ffff:1.2.3.4]",
            "[v1.a:b]",
            "my_host",
            "%41.example",
            "0.0.0.0=5000",
            "h:65535",
        ] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            ":80",
            ":",
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "u@h",
            "a:b",
            "a:80:80",
            "a:-1",
            "a:65536",
            "[::1",
            "::1",
            "[]",
            "[1.2.3.4]",
            "[fe80::1%25eth0]",
            "[::1]x",
            "[v.a]",
            "[v1.]",
            "x[::1]",
            "<a>",
            "caf\u{e9}",
            "a\\b",
            "%4",
            "%zz",
            "a\tb",
        ] {
            assert!(check(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
