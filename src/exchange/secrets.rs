//! Which variables hold what is nobody else's business: they are neither kept nor shown.

/// What names of secrets have in them; those that end in `_KEY` are secret too.
const SECRET: [&str; 11] = [
    "AUTHORIZATION",
    "COOKIE",
    "X_AUTH",
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "TOKEN",
    "CREDENTIAL",
    "APIKEY",
    "SESSION",
    "CSRF",
];

/// Whether a variable of that name and value is to be kept to oneself.
#[must_use]
pub fn is_secret(name: &[u8], value: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_uppercase();
    name.ends_with("_KEY") || SECRET.iter().any(|word| name.contains(word)) || has_password(value)
}

/// `scheme://user:password@host`
fn has_password(value: &[u8]) -> bool {
    memchr::memmem::find_iter(value, b"://").any(|at| {
        let rest = &value[at + 3..];
        let end = rest
            .iter()
            .position(|byte| b"/?# ".contains(byte))
            .unwrap_or(rest.len());
        let authority = &rest[..end];
        let user = authority.iter().rposition(|&byte| byte == b'@');
        user.is_some_and(|at| authority[..at].contains(&b':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret() {
        for name in [
            "HTTP_AUTHORIZATION",
            "HTTP_PROXY_AUTHORIZATION",
            "REDIRECT_HTTP_AUTHORIZATION",
            "HTTP_COOKIE",
            "HTTP_COOKIE2",
            "HTTP_X_API_KEY",
            "HTTP_X_CSRFTOKEN",
            "HTTP_X_AUTH_USER",
            "DJANGO_SECRET_KEY",
            "db_password",
        ] {
            assert!(is_secret(name.as_bytes(), b"x"), "{name}");
        }
        for name in [
            "HTTP_HOST",
            "AUTH_TYPE",
            "REMOTE_USER",
            "QUERY_STRING",
            "PATH_INFO",
        ] {
            assert!(!is_secret(name.as_bytes(), b"x"), "{name}");
        }
        assert!(is_secret(b"DATABASE_URL", b"postgres://me:pw@db/x"));
        assert!(!is_secret(b"HTTP_REFERER", b"http://example.org:80/?a=b@c"));
    }
}
