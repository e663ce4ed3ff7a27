//! The command that repeats a recorded request, ready to be pasted into a shell.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use exchange::MetaVariables;
use settings::config::{App, Config, Source};

/// The words that follow the file: the options and the application, wherever they were set.
pub(super) fn words(config: &Config, meta: &MetaVariables) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    let virtual_env = meta.get_redirected("VIRTUAL_ENV").map(OsStr::from_bytes);
    let venv = config.venv.as_deref().or(virtual_env.map(Path::new));
    let mut option = |name: &str, value: &OsStr| {
        words.push(name.into());
        words.push(value.to_owned());
    };
    if let Some(venv) = venv {
        option("--venv", venv.as_os_str());
    }
    for folder in &config.python_path {
        option("--python-path", folder.as_os_str());
    }
    if let Some(folder) = &config.chdir {
        option("--chdir", folder.as_os_str());
    }
    if let Some(path) = &config.script_name {
        option("--script-name", OsStr::from_bytes(path));
    }
    words.push(app(&config.app));
    words
}

/// By its absolute path, so that it is right in whatever folder the command is pasted.
fn app(app: &App) -> OsString {
    let app = app.clone().absolute();
    match (&app.source, &app.callable) {
        (Source::File(path), None) => path.as_os_str().to_owned(),
        _ => app.to_string().into(),
    }
}

/// The whole command. `folder` is where a module is found.
pub(super) fn command(file: &Path, words: &[OsString], folder: Option<&Path>) -> String {
    let mut command = String::new();
    if let Some(folder) = folder {
        _ = write!(command, "cd {} && ", quoted(folder.as_os_str()));
    }
    command.push_str(&quoted(&program()));
    command.push_str(" request --replay ");
    command.push_str(&quoted(file.as_os_str()));
    for word in words {
        command.push(' ');
        command.push_str(&quoted(word));
    }
    command
}

/// `wsgi-cgi`, where a shell finds it by that name.
fn program() -> OsString {
    const NAME: &str = "wsgi-cgi";
    let program = process::program::path();
    let Some(folder) = program.parent() else {
        return NAME.into();
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_found = ["/usr/local/bin", "/usr/bin", "/bin"]
        .iter()
        .any(|usual| folder == Path::new(usual))
        || std::env::split_paths(&path).any(|found| found == folder);
    if is_found {
        NAME.into()
    } else {
        folder.join(NAME).into_os_string()
    }
}

/// A word for a shell.
fn quoted(word: &OsStr) -> Cow<'_, str> {
    let bytes = word.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(byte);
    if let Some(text) = word.to_str().filter(|_| !bytes.is_empty()) {
        if bytes.iter().all(is_plain) {
            return Cow::Borrowed(text);
        }
        if !text.chars().any(char::is_control) {
            return Cow::Owned(format!("'{}'", text.replace('\'', "'\\''")));
        }
    }
    let mut quoted = String::from("$'");
    for &byte in bytes {
        if byte.is_ascii_graphic() && byte != b'\'' && byte != b'\\' || byte == b' ' {
            quoted.push(char::from(byte));
        } else {
            _ = write!(quoted, "\\x{byte:02x}");
        }
    }
    Cow::Owned(quoted + "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_words_as_they_are() {
        for word in [
            "a",
            "",
            "a b",
            "it's",
            "$HOME;`x`",
            "a\nb",
            "\\",
            "*",
            "~",
            "caf\u{e9}",
        ] {
            let command = format!("printf %s {}", quoted(OsStr::new(word)));
            let shell = std::process::Command::new("bash")
                .args(["-c", &command])
                .output();
            let printed = shell.expect("a shell").stdout;
            assert_eq!(printed, word.as_bytes(), "{command}");
        }
    }
}
