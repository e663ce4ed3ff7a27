//! Which variables a web server may set. Those that decide what code a process runs are refused: a
//! client that may connect may make requests, but must not choose the code.

/// The loader's and the C library's settings, those of Python and other languages, of shells and of programs
/// that applications start, and our own. What ends in `=` is a whole name, the others are beginnings.
const STEERING: [&[u8]; 42] = [
    b"BASH",
    b"BROWSER=",
    b"CDPATH=",
    b"EDITOR=",
    b"ENV=",
    b"GCONV_PATH",
    b"GETCONF_DIR",
    b"GIT_",
    b"GLIBC_",
    b"HOME=",
    b"HGRCPATH",
    b"HOSTALIASES",
    b"IFS=",
    b"JAVA_",
    b"KRB5",
    b"LD_",
    b"LESS",
    b"LOCALDOMAIN",
    b"LOCPATH",
    b"MALLOC_",
    b"NLSPATH",
    b"NODE_",
    b"OPENSSL_",
    b"PAGER=",
    b"PATH=",
    b"PERL",
    b"PYTHON",
    b"RES_OPTIONS",
    b"RUBY",
    b"SASL_PATH",
    b"SHELL",
    b"SSH_",
    b"SSL_CERT",
    b"SSLKEYLOGFILE",
    b"TEMP=",
    b"TMP=",
    b"TMPDIR=",
    b"TZDIR",
    b"VIRTUAL_ENV",
    b"VISUAL=",
    b"WSGI_CGI_",
    b"XDG_",
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

/// Whether a variable of that name decides what is run.
pub(super) fn is_steering(mut name: &[u8]) -> bool {
    while let Some(rest) = name.strip_prefix(REDIRECT) {
        name = rest;
    }
    STEERING.iter().any(|start| match start.strip_suffix(b"=") {
        Some(whole) => name == whole,
        None => name.starts_with(start),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_choose_code_are_recognised() {
        for name in [
            "LD_PRELOAD",
            "PYTHONPATH",
            "WSGI_CGI_PYTHON",
            "PATH",
            "HOME",
            "BASH_ENV",
            "GIT_SSH_COMMAND",
            "REDIRECT_WSGI_CGI_PYTHON",
            "REDIRECT_REDIRECT_LD_PRELOAD",
        ] {
            assert!(is_steering(name.as_bytes()), "{name}");
        }
        for name in [
            "PATH_INFO",
            "HTTP_LD_PRELOAD",
            "TRAC_ENV",
            "HOMEPAGE",
            "HTTPS",
            "REDIRECT_STATUS",
            "ENVIRONMENT",
            "SSL_CLIENT_CERT",
        ] {
            assert!(!is_steering(name.as_bytes()), "{name}");
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
