//! Secrets that must not be shown: which names and values are secret, and a mask for texts that may
//! contain such a value.
//!
//! Secrets are recognised by their names. One with a harmless name is not.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::MetaVariables;
use super::query::parameters;

/// What stands in the place of a secret.
pub const MASKED: &str = "[masked]";

/// Words in the names of secrets, also with hyphens or underscores inside.
const WORDS: [&str; 27] = [
    "AUTHORIZATION",
    "AUTHCODE",
    "COOKIE",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASSCODE",
    "PASSKEY",
    "SECRET",
    "TOKEN",
    "CREDENTIAL",
    "KEY",
    "SESSION",
    "SESSID",
    "CSRF",
    "XSRF",
    "SIGNATURE",
    "BEARER",
    "OIDC",
    "JWT",
    "SAMLRESPONSE",
    "SECURITYCODE",
    "VERIFICATIONCODE",
    "CARDNUMBER",
    "CARDNO",
    "CREDITCARD",
    "CCNUM",
];

/// Short words, which also occur within other words: they have to be a whole word of the name.
const SHORT: [&str; 22] = [
    "AUTH", "CREDS", "CVC", "CVV", "CVV2", "HMAC", "IBAN", "MFA", "OTP", "PASS", "PASSWRD", "PIN",
    "PSK", "PSW", "PW", "PWD", "SID", "SIG", "SSN", "TAN", "TOTP", "2FA",
];

/// Variables that have the name of a secret but are not secret.
const OPEN: [&str; 6] = [
    "AUTH_TYPE",
    "OLDPWD",
    "PWD",
    "SERVER_SIGNATURE",
    "SSL_CLIENT_A_SIG",
    "SSL_SERVER_A_SIG",
];

/// Whether a value with this name is likely to be a secret.
#[must_use]
pub fn is_secret_name(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    let words = words(&name);
    let whole = words.concat();
    // A plain KEY is mostly that of a dictionary; a plain CODE is what OAuth grants, while
    // COUNTRY_CODE and the like are not secret.
    if ["KEY", "KEYS"].contains(&whole.as_str()) {
        return false;
    }
    whole == "CODE"
        || words.iter().any(|word| SHORT.contains(&word.as_str()))
        || WORDS.iter().any(|word| whole.contains(word))
}

/// The words of a name as people write names: `user_pin`, `user-pin`, `userPin`, `user[pin]`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || was_lower && letter.is_uppercase() {
            words.push(String::new());
        }
        was_lower = letter.is_lowercase();
        if let Some(word) = words.last_mut()
            && letter.is_alphanumeric()
        {
            word.extend(letter.to_uppercase());
        }
    }
    words
}

/// Whether a variable is a secret, by its name or by a password in a URL.
#[must_use]
pub fn is_secret(name: &[u8], value: &[u8]) -> bool {
    let mut own = name;
    while let Some(rest) = own.strip_prefix(b"REDIRECT_") {
        own = rest;
    }
    let is_open = OPEN.iter().any(|open| open.as_bytes() == own);
    !is_open && is_secret_name(name) || has_password(value)
}

/// `scheme://user:password@host`
pub(super) fn has_password(value: &[u8]) -> bool {
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

/// The secret values of one request, to be masked in any text.
#[derive(Debug, Default)]
pub(super) struct Mask(Vec<String>);

impl Mask {
    /// Anything shorter would be found in every other word.
    const SHORTEST: usize = 6;

    /// Collects the secret meta-variables and their parts: each cookie, the token or the password
    /// of an Authorization, the parameters of the query.
    pub(super) fn of(meta: &MetaVariables) -> Self {
        let mut mask = Self::default();
        for (name, value) in meta.iter() {
            let value = String::from_utf8_lossy(value);
            if name.ends_with(b"QUERY_STRING") {
                mask.add_query(&value);
            } else if let Some((_, query)) = value.split_once('?') {
                mask.add_query(query);
            }
            // `DESKTOP_SESSION` and its like hold names.
            if is_secret(name, value.as_bytes()) && !name.windows(7).any(|at| at == b"SESSION") {
                mask.add(&value);
                mask.add_parts(&value);
            }
        }
        // The longest first, as one may be part of another.
        mask.0
            .sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        mask.0.dedup();
        mask
    }

    fn add_query(&mut self, query: &str) {
        for pair in query.split('&') {
            for (name, value) in parameters(pair) {
                if is_secret_name(name.as_bytes()) {
                    self.add(&value);
                    self.add(pair.split_once('=').map_or("", |(_, as_sent)| as_sent));
                }
            }
        }
    }

    fn add_parts(&mut self, value: &str) {
        for cookie in value.split("; ") {
            let (_, value) = cookie.split_once('=').unwrap_or_default();
            // `theme=default`
            if value.bytes().any(|byte| byte.is_ascii_digit()) || value.len() >= 20 {
                self.add(value);
            }
        }
        if let Some((_, token)) = value.split_once(' ') {
            self.add(token);
            let decoded = BASE64_STANDARD.decode(token).unwrap_or_default();
            let decoded = String::from_utf8(decoded).unwrap_or_default();
            self.add(decoded.split_once(':').map_or("", |(_, password)| password));
        }
    }

    fn add(&mut self, value: &str) {
        if value.len() >= Self::SHORTEST {
            self.0.push(value.to_owned());
        }
    }

    /// The text without them.
    pub(super) fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for value in &self.0 {
            if masked.contains(value) {
                masked = Cow::Owned(masked.replace(value, MASKED));
            }
        }
        masked
    }
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
            "apiKey",
            "Set-Cookie",
            "HTTP_X_JWT_ASSERTION",
            "HTTP_X_AMZN_OIDC_DATA",
        ] {
            assert!(is_secret(name.as_bytes(), b"x"), "{name}");
        }
        for name in [
            "HTTP_HOST",
            "AUTH_TYPE",
            "REMOTE_USER",
            "QUERY_STRING",
            "PATH_INFO",
            "HTTP_KEEP_ALIVE",
            "key",
            "PWD",
            "REDIRECT_AUTH_TYPE",
            "SERVER_SIGNATURE",
            "author",
            "opinion",
            "shipping",
            "passenger",
            "signal",
            "country_code",
            "side",
        ] {
            assert!(!is_secret(name.as_bytes(), b"x"), "{name}");
        }
        for name in [
            "pwd",
            "pw",
            "pass",
            "passcode",
            "pin",
            "userPin",
            "user[pin]",
            "user.pass",
            "otp",
            "code",
            "sig",
            "signature",
            "X-Amz-Signature",
            "jwt",
            "auth",
            "bearer",
            "cvv",
            "sid",
            "card_number",
            "pass word",
            "PHPSESSID",
        ] {
            assert!(is_secret_name(name.as_bytes()), "{name}");
        }
        assert!(is_secret(b"DATABASE_URL", b"postgres://me:pw@db/x"));
        assert!(!is_secret(b"HTTP_REFERER", b"http://example.org:80/?a=b@c"));
    }

    #[test]
    fn a_secret_is_found_in_any_text() {
        let meta = [
            ("HTTP_COOKIE", "theme=default; sid=0123456789"),
            ("DESKTOP_SESSION", "wayland"),
            ("HTTP_AUTHORIZATION", "Basic bWU6b3BlbiBzZXNhbWU="),
            ("QUERY_STRING", "page=2&token=abc%20defgh"),
        ];
        let meta = MetaVariables::from_pairs(
            meta.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())),
        );
        let mask = Mask::of(&meta);
        for (text, masked) in [
            ("no user 0123456789", "no user [masked]"),
            ("theme=default; sid=0123456789", "[masked]"),
            ("{'password': 'open sesame'}", "{'password': '[masked]'}"),
            ("/?page=2&token=abc%20defgh", "/?page=2&token=[masked]"),
            ("it is abc defgh", "it is [masked]"),
            ("the default on wayland", "the default on wayland"),
        ] {
            assert_eq!(mask.apply(text), masked);
        }
    }
}
