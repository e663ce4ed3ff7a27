//! A `#!` line carries one argument, however many words are in it. It is split into options as
//! `env -S` would: quotes, backslash escapes, `${VARIABLE}`, and `#` for a comment.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use anyhow::{Result, bail};

/// Splits the one argument of a `#!` line; `variable` looks up `${NAME}`.
///
/// # Errors
/// For a quote that is not closed, an unknown escape, or `$` not followed by `{NAME}`.
pub fn split(line: &OsStr, variable: impl Fn(&OsStr) -> Option<OsString>) -> Result<Vec<OsString>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = line.as_bytes().iter().copied().peekable();
    let mut quote = None;

    while let Some(byte) = bytes.next() {
        match (byte, quote) {
            (b'\'' | b'"', None) => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (_, Some(open)) if byte == open => quote = None,
            (b' ' | b'\t' | b'\n' | b'\x0b' | b'\x0c' | b'\r', None) => words.extend(word.take()),
            (b'#', None) if word.is_none() => break,
            (b'\\', _) => match (bytes.next(), quote) {
                (Some(c @ (b'\\' | b'\'')), Some(b'\'')) => word.get_or_insert_default().push(c),
                (Some(c), Some(b'\'')) => word.get_or_insert_default().extend([b'\\', c]),
                // `\_` separates words outside quotes and is a space inside them.
                (Some(b'_'), None) => words.extend(word.take()),
                (Some(b'c'), None) => break,
                (Some(c), _) => word.get_or_insert_default().push(escape(c, line)?),
                (None, _) => bail!("the options `{}` end in a backslash", line.display()),
            },
            (b'$', Some(b'"') | None) => {
                if bytes.next() != Some(b'{') {
                    bail!(
                        "`$` in the options `{}` must be followed by `{{NAME}}`, or written `\\$`",
                        line.display()
                    );
                }
                let name: Vec<u8> = bytes.by_ref().take_while(|&c| c != b'}').collect();
                let value = variable(OsStr::from_bytes(&name)).unwrap_or_default();
                word.get_or_insert_default().extend(value.into_vec());
            }
            _ => word.get_or_insert_default().push(byte),
        }
    }
    if quote.is_some() {
        bail!("unclosed quote in the options `{}`", line.display());
    }
    words.extend(word);
    Ok(words.into_iter().map(OsString::from_vec).collect())
}

fn escape(byte: u8, line: &OsStr) -> Result<u8> {
    Ok(match byte {
        b'f' => b'\x0c',
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => b'\x0b',
        b'_' => b' ',
        b'#' | b'$' | b'"' | b'\'' | b'\\' | b' ' => byte,
        other => bail!(
            "unknown escape `\\{}` in the options `{}`",
            other.escape_ascii(),
            line.display()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let home = |name: &OsStr| (name == "HOME").then(|| OsString::from("/home/me"));
        let words = split(OsStr::new(line), home).expect("a good line");
        words
            .into_iter()
            .map(|word| word.into_string().expect("UTF-8"))
            .collect()
    }

    #[test]
    fn words_are_separated_by_space() {
        assert_eq!(
            words("--venv  /srv/venv\t--debug "),
            ["--venv", "/srv/venv", "--debug"]
        );
        assert!(words("").is_empty());
    }

    #[test]
    fn quotes_and_escapes_keep_space() {
        assert_eq!(
            words(r#"--venv "/srv/my venv" 'a b'"#),
            ["--venv", "/srv/my venv", "a b"]
        );
        assert_eq!(words(r"a\ b c\_d"), ["a b", "c", "d"]);
        assert_eq!(words(r#"'' """#), ["", ""]);
    }

    #[test]
    fn variables_and_comments() {
        assert_eq!(
            words("--venv ${HOME}/venv # mine"),
            ["--venv", "/home/me/venv"]
        );
        assert_eq!(words("'${HOME}'"), ["${HOME}"]);
    }

    #[test]
    fn what_env_refuses_is_refused() {
        for bad in ["'open", "\"open", "tail\\", "\\q", "$HOME"] {
            assert!(split(OsStr::new(bad), |_| None).is_err(), "{bad}");
        }
    }
}
