//! What the launcher does with a request: look for the image, check it, restore it; or make room
//! for `wsgi-cgi`, and have an image made once that has answered.

use std::ffi::{CString, OsStr, OsString, c_char, c_int};
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::exchange::MetaVariables;
use crate::format::Head;
use crate::invocation::{Evidence, Invocation};
use crate::restore::{Handoff, restore};
use crate::{freshness, place};

/// What was found out about the request.
struct Wanted {
    argument: Option<OsString>,
    script: PathBuf,
    identity: Vec<u8>,
    folder: PathBuf,
    name: String,
}

/// Why there is nothing to restore.
enum Cold {
    /// An image may help the next request.
    Make(String),
    /// None would.
    Stay(String),
}

/// The exit status where even the cold program cannot be started.
pub(crate) fn run(environment: *const *const c_char) -> c_int {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.first().is_some_and(|name| name == "#?")
        && let Some(image) = arguments.get(1)
    {
        return trial(Path::new(image), environment);
    }
    let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let wanted = wanted(&arguments, &variables);
    let why = match &wanted {
        Ok(wanted) => match attempt(wanted, &variables, environment) {
            Err(why) => why,
            Ok(never) => match never {},
        },
        Err(why) => Cold::Stay(why.clone()),
    };
    let (reason, make) = match why {
        Cold::Make(reason) => (reason, true),
        Cold::Stay(reason) => (reason, false),
    };
    eprintln!("wsgi-cgi-snap: a cold request: {reason}");
    if let Ok(wanted) = &wanted
        && make
    {
        make_after_this(wanted, &variables);
    }
    become_cold(&arguments)
}

fn wanted(arguments: &[OsString], variables: &[(OsString, OsString)]) -> Result<Wanted, String> {
    let pairs = variables
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    let meta = MetaVariables::from_pairs(pairs);
    let rest = arguments.get(1..).unwrap_or_default().to_vec();
    let Invocation::HashBang { argument, script } = Evidence::of_this_process(rest, &meta).decide()
    else {
        return Err("only a script whose first line names this program has an image".into());
    };
    let identity = place::identity(argument.as_deref(), &script)
        .map_err(|error| format!("`{}`: {error}", script.display()))?;
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    Ok(Wanted {
        folder: place::folder(variable).ok_or("no folder for images: set WSGI_CGI_CACHE_DIR")?,
        name: place::name(&identity),
        argument,
        script,
        identity,
    })
}

/// Becomes the restored process, or says why not.
fn attempt(
    wanted: &Wanted,
    variables: &[(OsString, OsString)],
    environment: *const *const c_char,
) -> Result<std::convert::Infallible, Cold> {
    let path = wanted.folder.join(format!("{}.image", wanted.name));
    let image = match open(&path) {
        Ok(image) => image,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(without_image(wanted));
        }
        Err(error) => return Err(Cold::Stay(format!("`{}`: {error}", path.display()))),
    };
    let head = read_head(&image).ok_or_else(|| Cold::Make("the image is damaged".into()))?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    freshness::check(&head, &wanted.identity, now.as_secs(), variables).map_err(Cold::Make)?;
    let name = CString::new(path.into_os_string().into_vec()).unwrap_or_default();
    let handoff = Handoff {
        environment,
        image: name.as_ptr(),
        trial: 0,
    };
    restore(image, &head, &handoff).map_err(Cold::Stay)
}

/// There is no image: because none was made yet, or because none can be.
fn without_image(wanted: &Wanted) -> Cold {
    let at = |ending: &str| wanted.folder.join(format!("{}.{ending}", wanted.name));
    let changed = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).ok();
    // For so many seconds: one that changed while it was loaded may soon be at rest.
    for (ending, seconds) in [("refused", 3600), ("bad", 3600), ("later", 3)] {
        if let Some(since) = changed(&at(ending))
            && changed(&wanted.script).is_some_and(|script| script < since)
            && since.elapsed().is_ok_and(|age| age.as_secs() < seconds)
        {
            let reason = fs::read_to_string(at(ending)).unwrap_or_default();
            return Cold::Stay(match reason.trim_end() {
                "" => "a restored process has died".into(),
                reason => reason.into(),
            });
        }
    }
    match place::make(&wanted.folder) {
        Ok(()) => Cold::Make("there is no image yet".into()),
        Err(error) => Cold::Stay(format!("`{}`: {error}", wanted.folder.display())),
    }
}

/// Opens an image, which nobody else may have had a hand in.
fn open(path: &Path) -> std::io::Result<File> {
    let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let folder = path.parent().ok_or_else(denied)?;
    let about = fs::symlink_metadata(folder)?;
    if !about.is_dir() || !place::is_ours(&about) {
        return Err(denied());
    }
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let about = file.metadata()?;
    if about.is_file() && place::is_ours(&about) {
        Ok(file)
    } else {
        Err(denied())
    }
}

fn read_head(image: &File) -> Option<Head> {
    let mut start = [0; 4096];
    let read = image.read_at(&mut start, 0).ok()?;
    let length = Head::length(start.get(..read)?)?;
    let mut head = vec![0; length];
    image.read_exact_at(&mut head, 0).ok()?;
    Head::decode(&head)
}

/// Restores an image that has no name yet, to see whether it can be.
fn trial(path: &Path, environment: *const *const c_char) -> c_int {
    let handoff = Handoff {
        environment,
        image: std::ptr::null(),
        trial: 1,
    };
    let why = match open(path) {
        Ok(image) => match read_head(&image) {
            Some(head) => match restore(image, &head, &handoff) {
                Err(why) => why,
                Ok(never) => match never {},
            },
            None => "it is damaged".into(),
        },
        Err(error) => error.to_string(),
    };
    eprintln!("wsgi-cgi-snap: {why}");
    1
}

/// `wsgi-cgi` beside this program takes over, and is told which file the kernel was asked for.
fn become_cold(arguments: &[OsString]) -> c_int {
    let program = fs::read_link("/proc/self/exe").unwrap_or_default();
    let program = program.with_file_name("wsgi-cgi");
    let executed = rustix::param::linux_execfn();
    let mut words: Vec<CString> = Vec::with_capacity(arguments.len() + 1);
    let mut first = b"#!".to_vec();
    first.extend_from_slice(executed.to_bytes());
    words.extend(CString::new(first));
    for argument in arguments.iter().skip(1) {
        words.extend(CString::new(argument.as_bytes()));
    }
    let error = exec(&program, &words, None);
    eprintln!(
        "wsgi-cgi-snap: `{}` cannot be started: {error}",
        program.display()
    );
    1
}

/// Has an image made by a process of its own, once this one has answered as the cold program.
fn make_after_this(wanted: &Wanted, variables: &[(OsString, OsString)]) {
    let program = fs::read_link("/proc/self/exe").unwrap_or_default();
    let program = program.with_file_name("wsgi-cgi");
    let mut words = vec!["wsgi-cgi", "snapshot", "make", "--here"]
        .into_iter()
        .map(OsString::from)
        .collect::<Vec<_>>();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    words.push(format!("--unless-since={}", now.as_secs() + 1).into());
    if let Some(argument) = &wanted.argument {
        let mut option = OsString::from("--argument=");
        option.push(argument);
        words.push(option);
    }
    words.push("--".into());
    words.push(wanted.script.clone().into());
    let words: Vec<CString> = words
        .into_iter()
        .flat_map(|word| CString::new(word.into_vec()))
        .collect();
    let pairs = variables
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    let mut around = MetaVariables::default();
    around.surround(&MetaVariables::from_pairs(pairs));
    let around: Vec<CString> = around
        .iter()
        .filter(|(name, _)| freshness::is_of_the_surroundings(name))
        .flat_map(|(name, value)| CString::new([name, b"=", value].concat()))
        .collect();
    let Ok(this) = rustix::process::pidfd_open(
        rustix::process::getpid(),
        rustix::process::PidfdFlags::empty(),
    ) else {
        return;
    };
    // SAFETY: this process has one thread.
    match unsafe { libc::fork() } {
        0 => {}
        _ => return,
    }
    // The server waits for the end of its pipes, and may end its own group of processes.
    _ = rustix::process::setsid();
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        _ = rustix::stdio::dup2_stdin(null.as_fd());
        _ = rustix::stdio::dup2_stdout(null.as_fd());
        _ = rustix::stdio::dup2_stderr(null.as_fd());
    }
    _ = rustix::event::poll(
        &mut [rustix::event::PollFd::new(
            &this,
            rustix::event::PollFlags::IN,
        )],
        None,
    );
    drop(this);
    exec(&program, &words, Some(&around));
    // SAFETY: ends the process.
    unsafe { libc::_exit(1) }
}

/// Becomes another program; returns when that fails.
fn exec(program: &Path, words: &[CString], environment: Option<&[CString]>) -> std::io::Error {
    let list = |words: &[CString]| -> Vec<*const c_char> {
        let pointers = words.iter().map(|word| word.as_ptr());
        pointers.chain([std::ptr::null()]).collect()
    };
    let Ok(path) = CString::new(OsStr::as_bytes(program.as_os_str())) else {
        return std::io::ErrorKind::InvalidInput.into();
    };
    let words = list(words);
    // SAFETY: the lists end with null pointers and live through the call.
    unsafe {
        match environment {
            Some(environment) => {
                libc::execve(path.as_ptr(), words.as_ptr(), list(environment).as_ptr())
            }
            None => libc::execv(path.as_ptr(), words.as_ptr()),
        };
    }
    std::io::Error::last_os_error()
}
