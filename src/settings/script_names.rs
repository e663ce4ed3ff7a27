//! Which files may be run as scripts where a server passes any file of a folder to this program:
//! the end of the name decides, so that no upload (`photo.wsgi.jpg`, `photo.jpg.wsgi.bak`) is run.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Result, bail};

use exchange::MetaVariables;

/// The operator's variable.
const VARIABLE: &str = "WSGI_CGI_SCRIPTS";

/// Its value where it is not set.
const USUAL: &[u8] = b"*.wsgi:*.py";

/// Patterns, separated by `:`, in which `*` stands for anything.
#[derive(Debug)]
pub(super) struct ScriptNames(Vec<u8>);

impl ScriptNames {
    /// Those that the server's variables name, else the usual ones.
    pub(super) fn of(meta: &MetaVariables) -> Self {
        Self(meta.get_redirected(VARIABLE).unwrap_or(USUAL).to_vec())
    }

    /// Refuses a file whose name matches none.
    pub(super) fn check(&self, script: &Path) -> Result<()> {
        let name = script.file_name().unwrap_or_default().as_bytes();
        // A hidden file is never a script: a shell's pattern does not match it either.
        let mut patterns = self.0.split(|&byte| byte == b':');
        if !name.starts_with(b".") && patterns.any(|pattern| matches(pattern, name)) {
            return Ok(());
        }
        bail!(
            "`{}` is not run: its name does not match {VARIABLE}=`{}`: rename it, or set that \
             variable in the server's configuration (SetEnv)",
            script.display(),
            OsStr::from_bytes(&self.0).display()
        )
    }
}

/// Whether all of the name is what the pattern says.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut parts = pattern.split(|&byte| byte == b'*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(place) = memchr::memmem::find(rest, part) else {
            return false;
        };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_name_is_matched() {
        for (pattern, name, expected) in [
            ("*.wsgi", "app.wsgi", true),
            ("*.wsgi", "app.wsgi.jpg", false),
            ("*.wsgi", "app.wsgi\n", false),
            ("*.wsgi", "app.WSGI", false),
            ("*.wsgi", "wsgi", false),
            ("app.cgi", "app.cgi", true),
            ("app.cgi", "my-app.cgi", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-bb-c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("*", "anything", true),
            ("", "x", false),
        ] {
            let found = matches(pattern.as_bytes(), name.as_bytes());
            assert_eq!(found, expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_usual_scripts_end_in_wsgi_or_py() {
        let usual = ScriptNames::of(&MetaVariables::default());
        for (name, is_script) in [
            ("app.wsgi", true),
            ("app.py", true),
            ("photo.wsgi.jpg", false),
            ("photo.jpg.wsgi.bak", false),
            ("photo.py.", false),
            (".py", false),
            ("notes.txt", false),
        ] {
            let path = Path::new("/srv/x.wsgi").join(name);
            assert_eq!(usual.check(&path).is_ok(), is_script, "{name}");
        }
    }
}
