//! One request for the script, made as a server makes it: the kernel runs the file by its first line, in an
//! environment with nothing else. What it answers and what it logs is what a visitor and the operator would get.
//! Where the kernel cannot run it, this program does, to see what is wrong besides.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal, kill_process_group};

use super::finding::{Finding, Verdict};
use super::{Case, typed};

/// So long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes it.
pub(super) fn look(script: &Path, case: &Case, findings: &mut Vec<Finding>) {
    let shown = script.display();
    let is_wrong = |finding: &Finding| {
        let of_the_file = ["mode", "noexec", "BOM", "CRLF", "line"].contains(&finding.about);
        of_the_file && finding.verdict == Verdict::Wrong
    };
    let command = if findings.iter().any(is_wrong) {
        let mut command = Command::new(&case.program);
        command.arg(script);
        command
    } else {
        Command::new(script)
    };
    let made = match make(command, script) {
        Ok(made) => made,
        Err(error) => {
            let said = format!("`{shown}` cannot be run: {error}");
            findings.push(Finding::wrong("answer", said));
            return;
        }
    };
    let Some(status) = made.status else {
        let said = format!(
            "`{shown}` has no answer to GET / after {} s",
            PATIENCE.as_secs()
        );
        findings.push(Finding::wrong("answer", said));
        return;
    };
    let code = status_of(&made.output);
    let entry = entry_of(&made.log);
    let finding = match code {
        Some(code) if code < 500 => {
            Finding::good("answer", format!("`{shown}` answers GET / with {code}"))
        }
        _ => {
            let what = match code {
                Some(code) => format!("answers GET / with {code}"),
                None => format!("gives no answer to GET / ({status})"),
            };
            // What an exception says may be secret; who reads a log may read it.
            let why = match entry {
                Some(entry) if !case.is_page => format!(": {entry}"),
                Some(_) => ": the server's error log says why".to_owned(),
                None => String::new(),
            };
            let remedy = format!("wsgi-cgi request --debug {} shows it", typed(script));
            Finding::wrong("answer", format!("`{shown}` {what}{why}")).mended_by(remedy)
        }
    };
    findings.push(finding);
}

/// What a request came to; without a status it did not end in time.
struct Made {
    status: Option<ExitStatus>,
    output: Vec<u8>,
    log: String,
}

fn make(mut command: Command, script: &Path) -> io::Result<Made> {
    let (mut output, mut log) = (memory()?, memory()?);
    let folder = script.parent().unwrap_or(Path::new("/"));
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    command
        .current_dir(folder)
        .env_clear()
        .envs([
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("REQUEST_METHOD", "GET"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("SERVER_NAME", "localhost"),
            ("SERVER_PORT", "80"),
            ("SERVER_SOFTWARE", "wsgi-cgi (doctor)"),
            ("HTTP_HOST", "localhost"),
            ("HTTP_USER_AGENT", "wsgi-cgi (doctor)"),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("PATH_INFO", "/"),
            ("QUERY_STRING", ""),
            // No image is made of it, and what goes wrong is seen here.
            ("WSGI_CGI_IMAGE", "off"),
            ("WSGI_CGI_LOG", "/dev/stderr"),
        ])
        .env("SCRIPT_NAME", format!("/{name}"))
        .env("SCRIPT_FILENAME", script)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(log.try_clone()?)
        .process_group(0);
    let about = std::fs::metadata(script)?;
    // Nothing of a user's runs as root.
    if rustix::process::geteuid().is_root() && about.uid() != 0 {
        command.uid(about.uid()).gid(about.gid());
    } else if let Some(home) = std::env::var_os("HOME") {
        command.env("HOME", home);
    }
    let mut child = command.spawn()?;
    let status = wait(&mut child)?;
    let mut bytes = Vec::new();
    log.rewind()?;
    log.read_to_end(&mut bytes)?;
    let log = String::from_utf8_lossy(&bytes).into_owned();
    bytes.clear();
    output.rewind()?;
    output.read_to_end(&mut bytes)?;
    Ok(Made {
        status,
        output: bytes,
        log,
    })
}

fn memory() -> io::Result<File> {
    Ok(rustix::fs::memfd_create("answer", MemfdFlags::CLOEXEC)?.into())
}

/// Waits for its end; ends it, and what it has started, where it takes too long.
fn wait(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        _ = kill_process_group(group, Signal::KILL);
    }
    child.wait()?;
    Ok(None)
}

/// The code in `Status: 500 ...`, or in an NPH script's `HTTP/1.1 500 ...`.
fn status_of(output: &[u8]) -> Option<u16> {
    let line = output.split(|&byte| byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    let is_status = line.to_ascii_lowercase();
    if is_status.starts_with("status:") || is_status.starts_with("http/") {
        return line.split_ascii_whitespace().nth(1)?.parse().ok();
    }
    // A script that another program runs may leave the status to the server (RFC 3875, section 6.3.3).
    is_status.contains(':').then_some(200)
}

/// The sentence of the first entry for an error, else the last line.
fn entry_of(log: &str) -> Option<&str> {
    let error = log.lines().find_map(|line| {
        let entry = line.strip_prefix("wsgi-cgi: error ")?;
        entry.splitn(3, ": ").nth(2)
    });
    error.or_else(|| log.lines().rfind(|line| !line.trim().is_empty()))
}
