//! What the launcher does with a request: look for the image, check it, restore it; or make room
//! for `wsgi-cgi`, and have an image made once that has answered.

use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int};
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
    /// Another process, with its parts at other addresses, may have more luck.
    Again(String),
}

/// How often this program has tried to restore an image for a request; for itself alone.
const TRIES: &str = "WSGI_CGI_SNAP_TRIES";

/// Once in a thousand times something of this process is where the image has its stack.
const MOST: usize = 3;

/// The exit status where even the cold program cannot be started.
pub(crate) fn run(environment: *const *const c_char) -> c_int {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.first().is_some_and(|name| name == "#?")
        && let Some(image) = arguments.get(1)
    {
        return trial(Path::new(image), environment);
    }
    let tries = std::env::var(TRIES).map_or(0, |tries| tries.parse().unwrap_or(MOST));
    let (variables, environment) = without_tries(environment);
    let wanted = wanted(&arguments, &variables);
    let why = match &wanted {
        Ok(wanted) => match attempt(wanted, &variables, environment.as_ptr()) {
            Err(why) => why,
            Ok(never) => match never {},
        },
        Err(why) => Cold::Stay(why.clone()),
    };
    let (reason, make) = match why {
        Cold::Make(reason) => (reason, true),
        Cold::Stay(reason) => (reason, false),
        Cold::Again(reason) => {
            if let Ok(wanted) = &wanted
                && tries < MOST
            {
                try_again(wanted, &arguments, &environment, tries + 1);
            }
            (reason, false)
        }
    };
    eprintln!("wsgi-cgi-snap: a cold request: {reason}");
    if let Ok(wanted) = &wanted
        && make
    {
        make_after_this(wanted, &variables);
    }
    become_cold(&arguments, &environment)
}

/// The environment without this program's own variable: as names and values, and as C has it.
fn without_tries(
    mut environment: *const *const c_char,
) -> (Vec<(OsString, OsString)>, Vec<*const c_char>) {
    let variables = std::env::vars_os()
        .filter(|(name, _)| name != TRIES)
        .collect();
    let mut list = Vec::new();
    // SAFETY: the kernel's own list, which ends with a null pointer.
    unsafe {
        while !(*environment).is_null() {
            let entry = CStr::from_ptr(*environment).to_bytes();
            if !entry.starts_with(TRIES.as_bytes()) {
                list.push(*environment);
            }
            environment = environment.add(1);
        }
    }
    list.push(std::ptr::null());
    (variables, list)
}

/// Has the kernel start the script once more; returns when that fails.
fn try_again(wanted: &Wanted, arguments: &[OsString], environment: &[*const c_char], tries: usize) {
    let executed = rustix::param::linux_execfn();
    let before = 2 + usize::from(wanted.argument.is_some());
    let words: Vec<CString> = [OsStr::from_bytes(executed.to_bytes())]
        .into_iter()
        .chain(arguments.iter().skip(before).map(OsString::as_os_str))
        .flat_map(|word| CString::new(word.as_bytes()))
        .collect();
    let Ok(mark) = CString::new(format!("{TRIES}={tries}")) else {
        return;
    };
    let mut list = environment.to_vec();
    list.insert(0, mark.as_ptr());
    exec(
        Path::new(OsStr::from_bytes(executed.to_bytes())),
        &words,
        &list,
    );
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
    restore(image, &head, &handoff).map_err(Cold::Again)
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
fn become_cold(arguments: &[OsString], environment: &[*const c_char]) -> c_int {
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
    let error = exec(&program, &words, environment);
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
    exec(&program, &words, &pointers(&around));
    // SAFETY: ends the process.
    unsafe { libc::_exit(1) }
}

/// A list as C has it.
fn pointers(words: &[CString]) -> Vec<*const c_char> {
    let pointers = words.iter().map(|word| word.as_ptr());
    pointers.chain([std::ptr::null()]).collect()
}

/// Becomes another program; returns when that fails.
fn exec(program: &Path, words: &[CString], environment: &[*const c_char]) -> std::io::Error {
    let Ok(path) = CString::new(program.as_os_str().as_bytes()) else {
        return std::io::ErrorKind::InvalidInput.into();
    };
    let words = pointers(words);
    // SAFETY: the lists end with null pointers and live through the call.
    unsafe { libc::execve(path.as_ptr(), words.as_ptr(), environment.as_ptr()) };
    std::io::Error::last_os_error()
}
