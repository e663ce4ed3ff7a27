//! Images, for the tests of all that is the same with and without: where `WSGI_CGI_TEST_LAUNCHER` names a
//! folder, scripts are started by a copy of the program there, and answered from images.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use tempfile::TempDir;

/// What the program says of a request that no image answers.
const COLD: &str = ": answered without an image: ";

/// What an attempt to make an image ends with that may succeed a moment later.
const AGAIN: i32 = 75;

/// The folder with the program, if images are wanted. Every user has to reach it; `1` is one
/// below the build's.
fn place() -> Option<&'static Path> {
    static PLACE: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let named = std::env::var_os("WSGI_CGI_TEST_LAUNCHER")?;
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(named);
        super::copy_programs(&place);
        Some(place)
    });
    PLACE.as_deref()
}

pub(crate) fn is_wanted() -> bool {
    place().is_some()
}

/// What a web server or a script's first line names.
pub(crate) fn program() -> &'static Path {
    static LAUNCHER: LazyLock<Option<PathBuf>> = LazyLock::new(|| Some(place()?.join("wsgi-cgi")));
    LAUNCHER.as_deref().unwrap_or_else(|| super::program())
}

thread_local! {
    static IMAGES: TempDir = tempfile::tempdir().expect("a temporary folder");
}

/// This test's own folder for images.
pub(crate) fn images() -> PathBuf {
    IMAGES.with(|folder| folder.path().join("images"))
}

/// The command that makes the image of a script, in the process that `around` describes.
pub(crate) fn make(options: &[OsString], script: &Path, around: impl FnOnce(&mut Command)) {
    // What never comes to its end while it is loaded is left to the request.
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "20"]);
    command.arg(program().with_file_name("wsgi-cgi"));
    command.args(["image", "make", "--here", "--unless-since=0"]);
    for option in options {
        let mut word = OsString::from("--option=");
        word.push(option);
        command.arg(word);
    }
    command.arg("--").arg(script).env_clear();
    around(&mut command);
    // With these it would be a request itself.
    command
        .env_remove("GATEWAY_INTERFACE")
        .env_remove("REQUEST_METHOD");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // A script that was written a moment ago may still change for all that its time says.
    for _ in 0..5 {
        let made = command.status().expect("timeout");
        if made.code() != Some(AGAIN) {
            break;
        }
    }
}

/// The options and the script where the arguments, or a script's first line, name the launcher.
pub(crate) fn launched(started: &Path, arguments: &[OsString]) -> Option<(Vec<OsString>, PathBuf)> {
    place()?;
    if started == program() {
        let (script, options) = arguments.split_last()?;
        let script = PathBuf::from(script);
        return script.is_file().then(|| (options.to_vec(), script));
    }
    let text = std::fs::read(started).ok()?;
    let line = text.split(|&byte| byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.strip_prefix("#!")?;
    let options = line.strip_prefix(program().to_str()?)?;
    // Words that have to be split as a shell does have their image made by a request.
    let is_plain = !options.contains(['\'', '"', '#', '\\', '$']);
    let words = options.split_whitespace().map(OsString::from);
    is_plain.then(|| (words.collect(), started.to_owned()))
}

/// Whether a log says that a request was cold.
pub(crate) fn is_cold(log: &str) -> bool {
    log.contains(COLD)
}

/// The log without the launcher's own lines, and why the request was cold if it was.
pub(crate) fn without_own_lines(log: &str) -> (String, Option<String>) {
    let (own, rest): (Vec<_>, Vec<_>) = log
        .split_inclusive('\n')
        .partition(|line| line.contains(COLD));
    let reason = own.first().and_then(|line| line.split(COLD).nth(1));
    (
        rest.concat(),
        reason.map(|reason| reason.trim_end().to_owned()),
    )
}

/// Takes down how a request was answered: `scripts/test` counts.
pub(crate) fn take_down(cold: Option<&str>) {
    let Some(place) = place() else { return };
    let list = std::fs::File::options()
        .create(true)
        .append(true)
        .open(place.join("requests"));
    let line = cold.map_or_else(|| "restored\n".to_owned(), |cold| format!("cold: {cold}\n"));
    let written = list.and_then(|mut list| list.write_all(line.as_bytes()));
    written.expect("a line written");
}
