//! Whether a request is answered from an image: looks for the image, checks it, and becomes the process in it;
//! or says why not.

use std::convert::Infallible;
use std::ffi::{CString, OsString, c_char};
use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::Access;
use rustix::process::{Resource, getrlimit};

use super::fallback;
use super::started::Started;
use exchange::MetaVariables;
use image::branch::Handoff;
use image::cache_folder::{self, Found};
use image::format::Head;
use image::freshness;
use image::learned;
use image::pace;
use image::pages;
use image::place;
use image::restore::{Kind, restore};
use image::store::{LEARNED, SAID, head_of};
use process::{claim, runtime_setup, times};
use settings::invocation::Invocation;
use settings::options::Early;
use settings::split::split;

const NO_SCRIPT: &str = "an image needs a script, but this application is not one: write a script that imports it \
                         (`wsgi-cgi install` does that)";

/// Which image a request wants.
pub(crate) struct Wanted {
    /// How the application is started.
    pub(crate) options: Vec<OsString>,
    pub(crate) script: PathBuf,
    pub(crate) identity: Vec<u8>,
    /// Where images are looked for, and where one is made.
    found: Found,
    pub(crate) folder: PathBuf,
    /// What its files are called, but for their endings.
    pub(crate) name: String,
    /// Whether a process is to wait beside the restored one.
    guard: bool,
}

impl Wanted {
    pub(crate) fn at(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    /// The note of what was last logged, which can be in a folder of this user alone.
    pub(crate) fn note(&self) -> Option<PathBuf> {
        self.found.looked.is_ok().then(|| self.at(SAID))
    }

    /// Counts that the image could not be restored in this process; another process may succeed.
    pub(crate) fn count_failed_restore(&self) {
        _ = pace::count(&self.at("unlucky"), u64::MAX);
    }
}

/// Why there is nothing to restore.
pub(crate) enum Cold {
    /// Nobody asked for images.
    Unasked,
    /// An image may help the next request.
    Make(String),
    /// A new image would not help, or must not be made now.
    Stay(String),
    /// No image can be made until somebody changes something.
    Lasting(String),
    /// Another process, with another memory layout, may succeed.
    Again(String),
}

/// In seconds: an image that is younger, or was used more recently, is not replaced for a single request with
/// another environment.
const YOUNG: u64 = 5;
const IN_USE: u64 = 60;

const GIVEN_UP: &str = "the restored process could not start: an entry before this one says why, unless that process \
     crashed";

/// What an early attempt found.
static VERDICT: OnceLock<Verdict> = OnceLock::new();

/// Which image a request wants, if it wants one, and why nothing was restored.
pub(crate) struct Verdict {
    pub(crate) wanted: Option<Wanted>,
    pub(crate) why: Cold,
}

/// Becomes the restored process; where it does not, [`restored`] knows what was found.
#[cfg(starts_early)]
pub(super) fn restore_early(arguments: Vec<OsString>, environment: *const *const c_char) {
    switch_backtraces_off();
    let started = Started::of_this_process(arguments, environment);
    if started.is_a_request() {
        let wanted = wanted(&started);
        // A second process can be started only once the C library is ready.
        if !matches!(&wanted, Ok(wanted) if wanted.guard) {
            _ = VERDICT.set(attempted(wanted, &started, &|| {}));
        }
    }
}

/// Errors record no backtrace from now on, whatever RUST_BACKTRACE says: recording one needs more than there is
/// before the C library is ready, and nobody sees it. The standard library looks at the environment once.
#[cfg(starts_early)]
fn switch_backtraces_off() {
    unsafe extern "C" {
        static mut environ: *const *const c_char;
    }
    let nothing = [std::ptr::null::<c_char>()];
    // SAFETY: nothing else runs yet, and the environment is back before the list of nothing goes.
    unsafe {
        let before = environ;
        environ = nothing.as_ptr();
        _ = std::backtrace::Backtrace::capture();
        environ = before;
    }
}

/// Becomes the restored process, or says which image was wanted and why it was not used. Where a process is to
/// wait beside it, `guard` starts that.
pub(crate) fn restored(started: &Started, guard: &dyn Fn()) -> &'static Verdict {
    VERDICT.get_or_init(|| attempted(wanted(started), started, guard))
}

fn attempted(wanted: Result<Wanted, Cold>, started: &Started, guard: &dyn Fn()) -> Verdict {
    runtime_setup::prepare();
    let (wanted, why) = match wanted {
        Ok(mut wanted) => match attempt(&mut wanted, started, guard) {
            Err(why) => (Some(wanted), why),
            Ok(never) => match never {},
        },
        Err(why) => (None, why),
    };
    Verdict { wanted, why }
}

/// The image that a request wants.
fn wanted(started: &Started) -> Result<Wanted, Cold> {
    // Whatever went wrong before may be in what follows here.
    if started.is_given_up() {
        return Err(Cold::Stay(GIVEN_UP.into()));
    }
    let (options, script) = match started.evidence().decide(&started.meta) {
        Invocation::HashBang { argument, script } => {
            let argument = argument.unwrap_or_default();
            let options = split(&argument, |name| std::env::var_os(name));
            // A malformed line is reported where the request is answered.
            (options.map_err(|_| Cold::Unasked)?, Some(script))
        }
        Invocation::Interpreter { mut arguments } => {
            let script = arguments.pop().map(PathBuf::from);
            (arguments, script)
        }
        Invocation::Direct => (Vec::new(), None),
    };
    let early = Early::of(&options, &started.meta, script.as_deref());
    if !early.image {
        return Err(Cold::Unasked);
    }
    let no_script = || Cold::Lasting(NO_SCRIPT.into());
    let script = script.ok_or_else(no_script)?;
    match fs::metadata(&script) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Err(no_script()),
        Err(error)
            if error.kind() == ErrorKind::NotFound
                && !script.as_os_str().as_bytes().contains(&b'/') =>
        {
            return Err(no_script());
        }
        Err(error) => return Err(Cold::Stay(format!("`{}`: {error}", script.display()))),
    }
    let identity = place::identity(&options, &script)
        .map_err(|error| Cold::Stay(format!("`{}`: {error}", script.display())))?;
    let roots = place::ROOTS.map(|name| started.meta.value(name));
    let found = cache_folder::find(early.cache_dir, |name| std::env::var_os(name), &roots)
        .map_err(Cold::Lasting)?;
    Ok(Wanted {
        folder: found.folder.clone(),
        found,
        name: place::name(&identity, &freshness::machine()),
        options,
        script,
        identity,
        guard: early.guard,
    })
}

/// Becomes the restored process, or says why not.
fn attempt(wanted: &mut Wanted, started: &Started, guard: &dyn Fn()) -> Result<Infallible, Cold> {
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
    let mut head = head_of(&image).ok_or_else(damaged)?;
    // A change to the file shows in its length or its time.
    let about = image.metadata().map_err(|_| damaged())?;
    let modified = freshness::time(about.mtime(), about.mtime_nsec().cast_unsigned());
    if (about.len(), modified) != (head.length, head.sealed) {
        return Err(damaged());
    }
    let now = pace::now();
    freshness::check(&head, &wanted.identity, now, &started.meta).map_err(|stale| {
        let used = pace::counted(&wanted.at("used"));
        let is_in_use = used.times >= pace::MANY && now.abs_diff(used.last >> 30) < IN_USE;
        if stale.is_passing && (is_in_use || now.abs_diff(head.made) < YOUNG) {
            Cold::Stay(stale.reason)
        } else {
            paced(wanted, &stale.reason)
        }
    })?;
    let until_retried = pace::until_retried(&wanted.at("unlucky"), now);
    if until_retried > 0 && !started.is_again() {
        return Err(Cold::Stay(format!(
            "the image could not be restored (an earlier entry may say why); next attempt in {until_retried} s"
        )));
    }
    // Where counting fails (a full disk), the image is used without.
    let count = || pace::count(&wanted.at("used"), head.max_restores).unwrap_or(0);
    let before = if started.is_again() { 0 } else { count() };
    if !started.is_again() && before >= head.max_restores {
        let limit = format!(
            "the image has answered {} requests (--max-restores)",
            head.max_restores
        );
        return Err(paced(wanted, &limit));
    }
    // Not for each of many requests at the same time; two that are counted at once may pass over a number.
    let is_time = before > 0 && (before + 1).is_multiple_of(pace::MANY);
    if is_time && learned::is_due(&wanted.at(LEARNED), before + 1) {
        return Err(paced(wanted, LEARNS));
    }
    let known = known_pages(&wanted.at("pages"), &head);
    let learns = if known.is_none() { head.sealed } else { 0 };
    if let Some(parts) = known.filter(|parts| !parts.is_empty()) {
        head.eager = parts;
    }
    let name = |path: PathBuf| CString::new(path.into_os_string().into_vec()).unwrap_or_default();
    let names = [path, wanted.at("bad"), wanted.at("crashes")].map(name);
    let mut spent = 0;
    if wanted.guard {
        spent = times::processor();
        guard();
    }
    if u64::from(std::process::id()) == head.maker {
        // Libraries compare PIDs to notice a fork, and then reseed their random generators.
        return Err(Cold::Stay(format!(
            "this process happens to have the same PID ({}) as the one that made the image",
            head.maker
        )));
    }
    let handoff = Handoff {
        environment: started.environment.as_ptr(),
        image: names[0].as_ptr(),
        trial: 0,
        learns,
        claim: claim::place(),
        began: started.began,
        spent,
        cold: Some(fallback::prepare(started, &names)),
    };
    restore(image, &head, started.vdso_code, &handoff).map_err(|failure| match failure.kind {
        Kind::Chance => Cold::Again(failure.reason),
        Kind::Changed => paced(wanted, &failure.reason),
        Kind::Limit => Cold::Stay(failure.reason),
    })
}

/// A new image is to be made, unless the last attempts were too recent and of too little use.
fn paced(wanted: &Wanted, reason: &str) -> Cold {
    let firsts = place::first_images_counter(&wanted.folder, &place::script_of(&wanted.identity));
    match pace::until_made(&|ending| wanted.at(ending), &firsts, pace::now()) {
        0 => match obstacle(&wanted.folder) {
            Some(obstacle) => Cold::Lasting(format!("{reason}; no new image: {obstacle}")),
            None => Cold::Make(reason.into()),
        },
        left => Cold::Stay(format!("{reason}; a new image can be made in {left} s")),
    }
}

/// Why an attempt to make an image would end before it began.
fn obstacle(folder: &Path) -> Option<String> {
    /// Every image is larger than this.
    const LEAST: u64 = 4 << 20;
    if let Some(most) = getrlimit(Resource::Fsize)
        .current
        .filter(|&most| most < LEAST)
    {
        return Some(format!(
            "this process may write no file larger than {most} bytes (RLIMIT_FSIZE): raise this limit with \
             `ulimit -f`, or ask the hosting provider"
        ));
    }
    let error = rustix::fs::access(folder, Access::WRITE_OK).err()?;
    let folder = folder.display();
    Some(format!(
        "`{folder}`: {error}: name another folder with --cache-dir"
    ))
}

/// Why there is no image: none was made yet, or none can be.
fn without_image(wanted: &Wanted, meta: &MetaVariables) -> Cold {
    let until_used_again = pace::until_used_again(&wanted.at("crashes"), pace::now());
    for ending in ["refused", "bad"] {
        if ending == "bad" && until_used_again == 0 {
            continue;
        }
        let head = open(&wanted.at(ending))
            .ok()
            .and_then(|file| head_of(&file));
        // Until something changes, another attempt would fail as the last one did.
        if let Some(head) = head
            && freshness::check(&head, &wanted.identity, pace::now(), meta).is_ok()
        {
            return match head.refusal.as_slice() {
                [] => Cold::Stay(format!(
                    "a restored process crashed; image not used for another {until_used_again} s"
                )),
                refusal => Cold::Lasting(String::from_utf8_lossy(refusal).into_owned()),
            };
        }
    }
    paced(wanted, NO_IMAGE)
}

const LEARNS: &str =
    "the image has answered many requests, and is made again once so that later ones take less CPU";

const NO_IMAGE: &str = "there is no image yet";

/// Why there is no image where its folder does not exist: creates the folder.
fn without_folder(wanted: &mut Wanted) -> Cold {
    match wanted.found.make() {
        Ok(folder) => {
            wanted.folder = folder;
            paced(wanted, NO_IMAGE)
        }
        Err(why) => Cold::Lasting(format!("cannot make an image: {why}")),
    }
}

/// Opens an image that only this user can have written; its folder was checked before.
pub(crate) fn open(path: &Path) -> std::io::Result<File> {
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

/// The list of pages that the first request recorded.
fn known_pages(path: &Path, head: &Head) -> Option<Vec<(u64, u64)>> {
    let file = open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(pages::LONGEST).read_to_end(&mut bytes).ok()?;
    pages::decode(&bytes, head)
}
