//! Which variables a web server may set. Names that steer a process before any application runs are not
//! among them: whoever may connect makes requests, and is not to choose what code is run.

/// The loader's, the C library's, Python's and our own settings.
const STEERING: [&[u8]; 11] = [
    b"LD_",
    b"GLIBC_",
    b"GCONV_PATH",
    b"LOCPATH",
    b"MALLOC_",
    b"NLSPATH",
    b"PYTHON",
    b"VIRTUAL_ENV",
    b"WSGI_CGI_",
    b"PATH=",
    b"HOME=",
];

/// Whether a variable of that name can be one: the environment of a process holds it, and a log shows it.
pub(super) fn is_a_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_graphic() && *byte != b'=')
}

/// Whether a variable of that name decides what is run.
pub(super) fn is_steering(name: &[u8]) -> bool {
    STEERING.iter().any(|start| match start.strip_suffix(b"=") {
        Some(whole) => name == whole,
        None => name.starts_with(start),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_what_is_run_is_known_by_its_name() {
        for name in [
            "LD_PRELOAD",
            "PYTHONPATH",
            "WSGI_CGI_PYTHON",
            "PATH",
            "HOME",
        ] {
            assert!(is_steering(name.as_bytes()), "{name}");
        }
        for name in [
            "PATH_INFO",
            "HTTP_LD_PRELOAD",
            "TRAC_ENV",
            "HOMEPAGE",
            "HTTPS",
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
