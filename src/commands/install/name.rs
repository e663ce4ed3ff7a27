//! The script's name: the given one, or one made from the application's name; never a path, nor a name that
//! is special to a server.

use std::ffi::OsStr;

use anyhow::{Result, bail};

/// The name with its ending.
///
/// # Errors
/// For a path, or a name that is special to a server.
pub(super) fn named(given: &OsStr, ending: &str, may_be_nph: bool) -> Result<String> {
    let shown = given.display();
    let good = given.to_str().filter(|name| {
        let mut bytes = name.bytes();
        bytes
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric() || first == b'_')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    });
    let Some(name) = good else {
        bail!(
            "`{shown}` cannot be a script's name: use letters, digits, `.`, `_` and `-`, without a folder \
             (--to names the folder)"
        );
    };
    if name.to_ascii_lowercase().starts_with("nph-") && !may_be_nph {
        bail!(
            "`{shown}`: servers treat a script named `nph-...` as one that writes the whole HTTP response: \
             choose another name with --name, or add --nph"
        );
    }
    let whole = match name.strip_suffix(ending) {
        Some("") => bail!("`{shown}` is only a file extension: put a name before it"),
        Some(_) => name.to_owned(),
        None => format!("{name}{ending}"),
    };
    if whole.len() > 200 {
        bail!(
            "`{shown}` is too long for a script's name (at most 200 bytes): choose a shorter one with --name"
        );
    }
    Ok(whole)
}

/// A name made from the application's: other characters become `-`.
pub(super) fn made_of(application: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name: String = application
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "app" } else { name }.to_owned()
}
