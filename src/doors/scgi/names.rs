//! Which variables a web server may set with a request. A client that may connect may make requests, but must
//! not choose the code: a variable can change what the loader, Python or a library does before the application
//! runs (`LD_PRELOAD`, `SSL_CERT_FILE`). So this is a list of the variables that are accepted, to which the
//! operator can add names; all others are ignored.

use std::collections::BTreeSet;

use exchange::is_request_variable;

/// Variables of a request that web servers set in addition to those of RFC 3875, section 4.1. Names that end in
/// `=` are whole, the others are prefixes.
const ADDITIONAL: [&[u8]; 17] = [
    b"CONTEXT_DOCUMENT_ROOT=",
    b"CONTEXT_PREFIX=",
    b"DOCUMENT_ROOT=",
    b"DOCUMENT_URI=",
    b"GATEWAY_INTERFACE=",
    b"SSL_CIPHER",
    b"SSL_CLIENT_",
    b"SSL_COMPRESS_METHOD=",
    b"SSL_PROTOCOL=",
    b"SSL_SECURE_RENEG=",
    b"SSL_SERVER_",
    b"SSL_SESSION_ID=",
    b"SSL_SESSION_RESUMED=",
    b"SSL_SRP_USER",
    b"SSL_TLS_SNI=",
    b"SSL_VERSION_",
    b"UNIQUE_ID=",
];

/// What Apache puts before a name each time it redirects internally, and we look behind.
const REDIRECT: &[u8] = b"REDIRECT_";

/// Whether this can be the name of a variable: an environment can hold it, and a log can show it.
pub(super) fn is_a_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_graphic() && *byte != b'=')
}

/// Whether a request may set this variable; `named` are the names that the operator has added.
pub(crate) fn may_be_set(name: &[u8], named: &BTreeSet<Vec<u8>>) -> bool {
    let mut plain = name;
    while let Some(rest) = plain.strip_prefix(REDIRECT) {
        plain = rest;
    }
    let is_redirects_own = plain.len() < name.len() && matches!(plain, b"STATUS" | b"URL");
    is_redirects_own
        || is_request_variable(plain)
        || named.contains(plain)
        || ADDITIONAL
            .iter()
            .any(|start| match start.strip_suffix(b"=") {
                Some(whole) => plain == whole,
                None => plain.starts_with(start),
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_variables_are_accepted() {
        let named = BTreeSet::from([b"TRAC_ENV".to_vec()]);
        for name in [
            "PATH_INFO",
            "HTTP_LD_PRELOAD",
            "HTTPS",
            "SSL_CLIENT_S_DN",
            "REDIRECT_STATUS",
            "REDIRECT_REDIRECT_REMOTE_USER",
            "TRAC_ENV",
            "REDIRECT_TRAC_ENV",
        ] {
            assert!(may_be_set(name.as_bytes(), &named), "{name}");
        }
        for name in [
            "LD_PRELOAD",
            "PYTHONPATH",
            "WSGI_CGI_PYTHON",
            "PATH",
            "HOME",
            "BASH_ENV",
            "SSL_CERT_FILE",
            "HTTPS_PROXY",
            "REDIRECT_HTTPS_PROXY",
            "REDIRECT_WSGI_CGI_PYTHON",
            "REDIRECT_REDIRECT_LD_PRELOAD",
            "STATUS",
            "URL",
            "TRAC_ENV_2",
            "ENVIRONMENT",
        ] {
            assert!(!may_be_set(name.as_bytes(), &named), "{name}");
        }
    }

    #[test]
    fn a_name_can_be_shown_and_has_no_equals_sign() {
        for name in ["HTTP_X", "no-gzip", "force-response-1.0"] {
            assert!(is_a_name(name.as_bytes()), "{name}");
        }
        for name in ["", "A=B", "A B", "A\n", "\u{e9}"] {
            assert!(!is_a_name(name.as_bytes()), "{name:?}");
        }
    }
}
