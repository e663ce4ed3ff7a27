//! What the launcher does with a request: look for the image, check it, restore it; or make room
//! for `wsgi-cgi`, and have an image made once that has answered.

use std::convert::Infallible;
use std::ffi::{CString, OsString, c_char, c_int};
use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::Access;
use rustix::process::{Resource, getrlimit};

use crate::cold::{self, Started};
use crate::common::{self, Found};
use crate::exchange::MetaVariables;
use crate::format::Head;
use crate::freshness;
use crate::invocation::{Evidence, Invocation};
use crate::pace;
use crate::pages;
use crate::place;
use crate::restore::{Handoff, Kind, restore};
use crate::split::split;

/// Which image a request wants.
pub(crate) struct Wanted {
    /// How the application is started.
    pub(crate) options: Vec<OsString>,
    pub(crate) script: PathBuf,
    identity: Vec<u8>,
    /// Where images are looked for, and where one is made.
    found: Found,
    pub(crate) folder: PathBuf,
    name: String,
}

impl Wanted {
    fn at(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }
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

/// An image that is no older, or that others have used since, in seconds, is not given up for a
/// request whose surroundings differ.
const YOUNG: u64 = 5;
const IN_USE: u64 = 60;

/// What an early attempt found.
static VERDICT: OnceLock<(Option<Wanted>, Cold)> = OnceLock::new();

/// Becomes the restored process; where it does not, [`run`] goes on from what was found.
#[cfg(starts_early)]
pub(crate) fn restore_early(arguments: Vec<OsString>, environment: *const *const c_char) {
    if !is_trial(&arguments) {
        _ = VERDICT.set(restored(&Started::of_this_process(arguments, environment)));
    }
}

/// The exit status where even the cold program cannot be started.
pub(crate) fn run(arguments: Vec<OsString>, environment: *const *const c_char) -> c_int {
    if is_trial(&arguments) {
        let path = PathBuf::from(&arguments[1]);
        return trial(&path, &Started::of_this_process(arguments, environment));
    }
    let started = Started::of_this_process(arguments, environment);
    let (wanted, why) = VERDICT.get_or_init(|| restored(&started));
    let (reason, make) = match why {
        Cold::Make(reason) => (reason, true),
        Cold::Stay(reason) => (reason, false),
        Cold::Again(reason) => {
            started.try_again();
            // What stays so for all tries is no chance.
            if let Some(wanted) = wanted {
                _ = pace::count(&wanted.at("unlucky"), u64::MAX);
            }
            (reason, false)
        }
    };
    let line = if started.meta.are_of_cgi() {
        let named = started.meta.value(b"SCRIPT_FILENAME");
        let wanted = wanted.as_ref();
        let script = wanted.map(|wanted| place::script_of(&wanted.identity));
        let script = script.as_ref().map(|script| script.as_os_str().as_bytes());
        cold::line(reason, script.or(named).unwrap_or_default())
    } else {
        Vec::new()
    };
    if let (Some(wanted), true) = (wanted, make) {
        cold::make_after_this(wanted, &started, now());
    }
    started.become_cold(&line)
}

/// What other programs' start does: a log that nobody reads or that may not grow is no reason to
/// die, and what the server left closed is open and empty, as the next file would take the number.
fn settle_in() {
    // SAFETY: system calls that take numbers, and a path that ends with a zero; to ignore a signal
    // needs no function.
    unsafe {
        for signal in [libc::SIGPIPE, libc::SIGXFSZ] {
            libc::signal(signal, libc::SIG_IGN);
        }
        for number in 0..3 {
            if libc::fcntl(number, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            }
        }
    }
}

fn is_trial(arguments: &[OsString]) -> bool {
    matches!(arguments, [mark, _] if mark == "#?")
}

/// Becomes the restored process, or says which one and why not.
fn restored(started: &Started) -> (Option<Wanted>, Cold) {
    settle_in();
    let mut wanted = match wanted(started) {
        Ok(wanted) => wanted,
        Err(why) => return (None, Cold::Stay(why)),
    };
    match attempt(&mut wanted, started) {
        Err(why) => (Some(wanted), why),
        Ok(never) => match never {},
    }
}

fn wanted(started: &Started) -> Result<Wanted, String> {
    let (name, rest) = match started.arguments.as_slice() {
        [name, rest @ ..] => (Some(name.as_os_str()), rest.to_vec()),
        [] => (None, Vec::new()),
    };
    let evidence = Evidence::of_this_process(name, rest, started.executed, &started.meta);
    let (options, script) = match evidence.decide() {
        Invocation::HashBang { argument, script } => {
            let argument = argument.unwrap_or_default();
            let options = split(&argument, |name| std::env::var_os(name));
            (options.map_err(|error| error.to_string())?, script)
        }
        Invocation::Interpreter { mut arguments } => {
            let script = arguments.pop().map(PathBuf::from);
            (arguments, script.ok_or("only a script has an image")?)
        }
        Invocation::Direct => return Err("only a script has an image".into()),
    };
    match fs::metadata(&script) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Err("only a script has an image".into()),
        Err(error)
            if error.kind() == ErrorKind::NotFound
                && !script.as_os_str().as_bytes().contains(&b'/') =>
        {
            return Err("only a script has an image".into());
        }
        Err(error) => return Err(format!("`{}`: {error}", script.display())),
    }
    let identity = place::identity(&options, &script)
        .map_err(|error| format!("`{}`: {error}", script.display()))?;
    let roots = place::ROOTS.map(|name| started.meta.value(name));
    let found = common::find(&options, |name| std::env::var_os(name), &roots)?;
    Ok(Wanted {
        folder: found.folder.clone(),
        found,
        name: place::name(&identity, &freshness::machine()),
        options,
        script,
        identity,
    })
}

/// Becomes the restored process, or says why not.
fn attempt(wanted: &mut Wanted, started: &Started) -> Result<Infallible, Cold> {
    if wanted.found.looked.is_err() {
        return Err(without_folder(wanted));
    }
    let wanted = &*wanted;
    let path = wanted.at("image");
    let image = match open(&path) {
        Ok(image) => image,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(without_image(wanted, &started.meta));
        }
        Err(error) => return Err(Cold::Stay(format!("`{}`: {error}", path.display()))),
    };
    let damaged = || paced(wanted, "the image is damaged");
    let mut head = read_head(&image).ok_or_else(damaged)?;
    // Whatever is written to the file, or cuts it, shows in its length and its time.
    let about = image.metadata().map_err(|_| damaged())?;
    let modified = freshness::time(about.mtime(), about.mtime_nsec().cast_unsigned());
    if (about.len(), modified) != (head.length, head.sealed) {
        return Err(damaged());
    }
    let now = now();
    freshness::check(&head, &wanted.identity, now, &started.meta).map_err(|stale| {
        let used = pace::counted(&wanted.at("used"));
        let is_in_use = used.times >= pace::MANY && now.abs_diff(used.last >> 30) < IN_USE;
        if stale.is_passing && (is_in_use || now.abs_diff(head.made) < YOUNG) {
            Cold::Stay(stale.reason)
        } else {
            paced(wanted, &stale.reason)
        }
    })?;
    if u64::from(std::process::id()) == head.maker {
        // By its number a library knows that it is in another process, and needs other chances.
        return Err(Cold::Stay(
            "this process has the PID that the image's maker had".into(),
        ));
    }
    let until_tried = pace::until_tried(&wanted.at("unlucky"), now);
    if until_tried > 0 && !started.is_again() {
        return Err(Cold::Stay(format!(
            "the image could not be restored; it is tried again in {until_tried} s"
        )));
    }
    // Where nobody can count, nobody does.
    let count = || pace::count(&wanted.at("used"), head.max_restores).unwrap_or(0);
    if !started.is_again() && count() >= head.max_restores {
        return Err(paced(wanted, "it has answered as many requests as it may"));
    }
    let known = known_pages(&wanted.at("pages"), &head);
    let learns = if known.is_none() { head.sealed } else { 0 };
    if let Some(parts) = known.filter(|parts| !parts.is_empty()) {
        head.eager = parts;
    }
    let name = |path: PathBuf| CString::new(path.into_os_string().into_vec()).unwrap_or_default();
    let names = [path, wanted.at("bad"), wanted.at("crashes")].map(name);
    let handoff = Handoff {
        environment: started.environment.as_ptr(),
        image: names[0].as_ptr(),
        trial: 0,
        learns,
        cold: Some(started.last_way_out(
            &names,
            place::script_of(&wanted.identity).as_os_str().as_bytes(),
        )),
    };
    restore(image, &head, started.kernel_code, &handoff).map_err(|failure| match failure.kind {
        Kind::Chance => Cold::Again(failure.reason),
        Kind::Changed => paced(wanted, &failure.reason),
        Kind::Limit => Cold::Stay(failure.reason),
    })
}

/// An image is made, unless the last attempts were too recent and of too little use.
fn paced(wanted: &Wanted, reason: &str) -> Cold {
    let firsts = place::firsts(&wanted.folder, &place::script_of(&wanted.identity));
    match pace::until_made(&|ending| wanted.at(ending), &firsts, now()) {
        0 => match obstacle(&wanted.folder) {
            Some(obstacle) => Cold::Stay(format!("{reason}; none is made: {obstacle}")),
            None => Cold::Make(reason.into()),
        },
        left => Cold::Stay(format!("{reason}; no image is made within {left} s")),
    }
}

/// Why an attempt to make an image would end before it began.
fn obstacle(folder: &Path) -> Option<String> {
    /// No image is as small as this.
    const LEAST: u64 = 4 << 20;
    if let Some(most) = getrlimit(Resource::Fsize)
        .current
        .filter(|&most| most < LEAST)
    {
        return Some(format!(
            "no file may be larger than {most} bytes (RLIMIT_FSIZE)"
        ));
    }
    let error = rustix::fs::access(folder, Access::WRITE_OK).err()?;
    let folder = folder.display();
    Some(format!(
        "`{folder}`: {error}: name another folder with --cache-dir"
    ))
}

/// There is no image: because none was made yet, or because none can be.
fn without_image(wanted: &Wanted, meta: &MetaVariables) -> Cold {
    let until_revived = pace::until_revived(&wanted.at("crashes"), now());
    for ending in ["refused", "bad"] {
        if ending == "bad" && until_revived == 0 {
            continue;
        }
        let head = open(&wanted.at(ending))
            .ok()
            .and_then(|file| read_head(&file));
        // Until something changes another attempt would end as the last one.
        if let Some(head) = head
            && freshness::check(&head, &wanted.identity, now(), meta).is_ok()
        {
            return Cold::Stay(match head.refusal.as_slice() {
                [] => format!(
                    "a restored process has died; no image is used within {until_revived} s"
                ),
                refusal => String::from_utf8_lossy(refusal).into_owned(),
            });
        }
    }
    paced(wanted, NO_IMAGE)
}

const NO_IMAGE: &str = "there is no image yet";

/// There is none for images either, unless it can be made.
fn without_folder(wanted: &mut Wanted) -> Cold {
    match wanted.found.make() {
        Ok(folder) => {
            wanted.folder = folder;
            paced(wanted, NO_IMAGE)
        }
        Err(why) => Cold::Stay(format!("no image can be made: {why}")),
    }
}

/// Opens an image, which nobody else may have had a hand in; its folder was looked at.
fn open(path: &Path) -> std::io::Result<File> {
    let denied = || Error::from(ErrorKind::PermissionDenied);
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

/// What the first request has learnt.
fn known_pages(path: &Path, head: &Head) -> Option<Vec<(u64, u64)>> {
    let file = open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(pages::LONGEST).read_to_end(&mut bytes).ok()?;
    pages::decode(&bytes, head)
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
fn trial(path: &Path, started: &Started) -> c_int {
    let handoff = Handoff {
        environment: started.environment.as_ptr(),
        image: std::ptr::null(),
        trial: 1,
        learns: 0,
        cold: None,
    };
    let why = match open(path) {
        Ok(image) => match read_head(&image) {
            Some(head) => match restore(image, &head, started.kernel_code, &handoff) {
                Err(failure) => failure.reason,
                Ok(never) => match never {},
            },
            None => "it is damaged".into(),
        },
        Err(error) => error.to_string(),
    };
    eprintln!("wsgi-cgi-snap: {why}");
    1
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}
