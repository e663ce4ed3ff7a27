//! The script's name: the one that was given, or one made of the application's; never one that leads
//! elsewhere or means something else to a server.

use std::ffi::OsStr;

use anyhow::{Result, bail};

/// The name with its ending.
///
/// # Errors
/// For one that is more than a name, or that a server takes for more.
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
            "`{shown}` is no name for a script: letters, digits, `.`, `_` and `-` are taken, without a \
             folder (--to names that)"
        );
    };
    if name.to_ascii_lowercase().starts_with("nph-") && !may_be_nph {
        bail!(
            "`{shown}`: a server takes a script whose name begins with `nph-` for one that writes the \
             whole HTTP response: name another with --name, or say --nph"
        );
    }
    let whole = match name.strip_suffix(ending) {
        Some("") => bail!("`{shown}` is only an ending: name the script too"),
        Some(_) => name.to_owned(),
        None => format!("{name}{ending}"),
    };
    if whole.len() > 200 {
        bail!("`{shown}` is too long for a script's name: name a shorter one with --name");
    }
    Ok(whole)
}

/// A name made of the application's: what may not be in one becomes `-`.
pub(super) fn made_of(application: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name: String = application
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "app" } else { name }.to_owned()
}
