//! Apache's `Action`: Apache runs this program as the CGI script. The real script is the first part
//! of PATH_TRANSLATED that is a file; SCRIPT_NAME and PATH_INFO still describe this program.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::script_names::ScriptNames;
use exchange::MetaVariables;

/// Finds the script and sets SCRIPT_NAME, PATH_INFO, SCRIPT_FILENAME and PATH_TRANSLATED as if the
/// server had run it. `None` without PATH_TRANSLATED.
///
/// # Errors
/// When the program was reached in another way, which would let a client run any file below the
/// document root, and when the file's name is not that of a script.
pub fn resolve(meta: &mut MetaVariables) -> Result<Option<PathBuf>> {
    let Some(translated) = meta.get("PATH_TRANSLATED").map(<[u8]>::to_vec) else {
        return Ok(None);
    };
    prove(meta)?;
    let names = ScriptNames::of(meta);
    let path_info = meta.get("PATH_INFO").unwrap_or_default().to_vec();

    let mut end = translated.len();
    loop {
        let path = PathBuf::from(OsString::from_vec(translated[..end].to_vec()));
        if path.is_file() {
            names.check(&path)?;
            let extra = &translated[end..];
            let (script_name, path_info) = path_info.split_at(mount_length(&path_info, extra));
            meta.set("SCRIPT_NAME", script_name);
            meta.set("PATH_INFO", path_info);
            meta.set("SCRIPT_FILENAME", &translated[..end]);
            if path_info.is_empty() {
                meta.remove("PATH_TRANSLATED");
            } else {
                // RFC 3875, 4.1.6: where the extra path would be below the document root.
                let root = meta.get("DOCUMENT_ROOT").unwrap_or_default();
                let translated = [root, path_info].concat();
                meta.set("PATH_TRANSLATED", translated);
            }
            return Ok(Some(path));
        }
        match translated[..end].iter().rposition(|&byte| byte == b'/') {
            Some(slash @ 1..) => end = slash,
            _ => bail!(
                "no part of PATH_TRANSLATED=`{}` is a script: check the server's `Action` and \
                 `AddHandler` lines, and that the server's user may read the folders in this path",
                OsStr::from_bytes(&translated).display()
            ),
        }
    }
}

/// Only mod_actions leaves the handler's name, REDIRECT_HANDLER, and the script's URL, REDIRECT_URL;
/// REDIRECT_STATUS comes with every rewrite, `ErrorDocument` and `FallbackResource`, and lighttpd and
/// nginx set it always.
fn prove(meta: &MetaVariables) -> Result<()> {
    let why = match (meta.get("REDIRECT_HANDLER"), meta.get("REDIRECT_URL")) {
        (None, _) => "REDIRECT_HANDLER is not set",
        (_, None) => "REDIRECT_URL is not set",
        (_, Some(url)) if is_own(url, meta) => "REDIRECT_URL is the URL of this program",
        (Some(_), Some(_)) => return Ok(()),
    };
    bail!(
        "refused to run the script that PATH_TRANSLATED=`{}` names: only Apache's `Action` may choose a \
         script, and this request did not come from one ({why}): if a rewrite, an ErrorDocument or a \
         FallbackResource leads to this program, let it lead to the script's URL",
        OsStr::from_bytes(meta.get("PATH_TRANSLATED").unwrap_or_default()).display()
    )
}

fn is_own(url: &[u8], meta: &MetaVariables) -> bool {
    let url = segments(url);
    let own = segments(meta.get("SCRIPT_NAME").unwrap_or_default());
    !own.is_empty() && url.starts_with(&own)
}

/// A path as the server walks it: `//a/./b` is `/a/b` (RFC 3986, section 5.2.4).
fn segments(path: &[u8]) -> Vec<&[u8]> {
    let mut segments = Vec::new();
    for segment in path.split(|&byte| byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => _ = segments.pop(),
            _ => segments.push(segment),
        }
    }
    segments
}

/// How much of the URL path names the script, when `extra` is what follows the script in the
/// translated path. Apache may have folded slashes in the one and not in the other.
fn mount_length(path: &[u8], extra: &[u8]) -> usize {
    if path.ends_with(extra) {
        return path.len() - extra.len();
    }
    let mut segments = extra
        .split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty())
        .count();
    let mut end = path.len();
    while segments > 0 {
        let trimmed = path[..end]
            .iter()
            .rposition(|&byte| byte != b'/')
            .map_or(0, |last| last + 1);
        end = path[..trimmed]
            .iter()
            .rposition(|&byte| byte == b'/')
            .unwrap_or(0);
        segments -= 1;
    }
    path[..end]
        .iter()
        .rposition(|&byte| byte != b'/')
        .map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extra_path_is_what_follows_the_script() {
        assert_eq!(mount_length(b"/app.wsgi/a/b", b"/a/b"), 9);
        assert_eq!(mount_length(b"/app.wsgi", b""), 9);
        assert_eq!(mount_length(b"/app.wsgi//a//b", b"/a/b"), 9);
    }

    #[test]
    fn the_programs_own_url_is_known_however_it_is_written() {
        let pairs = [("SCRIPT_NAME", "/wsgi-cgi")];
        let meta = MetaVariables::from_pairs(
            pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())),
        );
        for (url, expected) in [
            ("/wsgi-cgi", true),
            ("/wsgi-cgi/photo.py", true),
            ("//wsgi-cgi/photo.py", true),
            ("/./wsgi-cgi/photo.py", true),
            ("/a/../wsgi-cgi//photo.py", true),
            ("/wsgi-cgi-x/photo.py", false),
            ("/photo.py", false),
            ("/a/wsgi-cgi/photo.py", false),
        ] {
            assert_eq!(is_own(url.as_bytes(), &meta), expected, "{url}");
        }
    }

    #[test]
    fn the_script_is_found_and_the_variables_are_about_it() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("app.wsgi"), "").expect("a file");
        let root = folder.path().to_str().expect("UTF-8").to_owned();
        let translated = format!("{root}/app.wsgi/a/b");
        let pairs = [
            ("SCRIPT_NAME", "/cgi-bin/wsgi-cgi"),
            ("PATH_INFO", "/app.wsgi/a/b"),
            ("PATH_TRANSLATED", &translated),
            ("DOCUMENT_ROOT", &root),
        ];
        let mut meta = MetaVariables::from_pairs(
            pairs
                .iter()
                .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())),
        );
        meta.set("REDIRECT_STATUS", "200");
        meta.set("REDIRECT_URL", "/app.wsgi/a/b");
        assert!(resolve(&mut meta).is_err(), "without REDIRECT_HANDLER");
        meta.set("REDIRECT_HANDLER", "wsgi-script");
        let script = resolve(&mut meta).expect("found").expect("a script");
        assert_eq!(script, folder.path().join("app.wsgi"));
        assert_eq!(meta.get("SCRIPT_NAME"), Some(&b"/app.wsgi"[..]));
        assert_eq!(meta.get("PATH_INFO"), Some(&b"/a/b"[..]));
        assert_eq!(
            meta.get("PATH_TRANSLATED"),
            Some(format!("{root}/a/b").as_bytes())
        );
    }
}
