//! Whether a request is answered from an image: looks for it, checks it, and becomes the process that it
//! is of; or says why not.

use std::convert::Infallible;
use std::ffi::{CString, OsString, c_char};
use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::Access;
use rustix::process::{Resource, getrlimit};

use super::started::Started;
use super::way_out;
use exchange::MetaVariables;
use image::branch::Handoff;
use image::common::{self, Found};
use image::format::Head;
use image::freshness;
use image::pace;
use image::pages;
use image::place;
use image::restore::{Kind, restore};
use process::{claim, clock, settled};
use settings::invocation::Invocation;
use settings::options::Early;
use settings::split::split;

/// Which image a request wants.
pub(crate) struct Wanted {
    /// How the application is started.
    pub(crate) options: Vec<OsString>,
    pub(crate) script: PathBuf,
    pub(crate) identity: Vec<u8>,
    /// Where images are looked for, and where one is made.
    found: Found,
    pub(crate) folder: PathBuf,
    name: String,
    /// Whether a process is to wait beside the restored one.
    guard: bool,
}

impl Wanted {
    pub(crate) fn at(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    /// Notes that the image could not be restored, which another process may be able to.
    pub(crate) fn count_bad_luck(&self) {
        _ = pace::count(&self.at("unlucky"), u64::MAX);
    }
}

/// Why there is nothing to restore.
pub(crate) enum Cold {
    /// Nobody asked for images.
    Unasked,
    /// An image may help the next request.
    Make(String),
    /// None would.
    Stay(String),
    /// The same, as the application has none, for a reason that is kept with the images.
    Refused(String),
    /// Another process, with its parts at other addresses, may have more luck.
    Again(String),
}

/// An image that is no older, or that others have used since, in seconds, is not given up for a
/// request whose surroundings differ.
const YOUNG: u64 = 5;
const IN_USE: u64 = 60;

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
    let started = Started::of_this_process(arguments, environment);
    if started.is_a_request() {
        let wanted = wanted(&started);
        // A second process is for when the C library is ready.
        if !matches!(&wanted, Ok(wanted) if wanted.guard) {
            _ = VERDICT.set(attempted(wanted, &started, &|| {}));
        }
    }
}

/// Becomes the restored process, or says which one and why not. Where a process is to wait beside it,
/// `guard` starts it.
pub(crate) fn restored(started: &Started, guard: &dyn Fn()) -> &'static Verdict {
    VERDICT.get_or_init(|| attempted(wanted(started), started, guard))
}

fn attempted(wanted: Result<Wanted, Cold>, started: &Started, guard: &dyn Fn()) -> Verdict {
    settled::settle_in();
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
    let (options, script) = match started.evidence().decide(&started.meta) {
        Invocation::HashBang { argument, script } => {
            let argument = argument.unwrap_or_default();
            let options = split(&argument, |name| std::env::var_os(name));
            // What cannot be split is said where the request is answered.
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
    let stay = |why: &str| Cold::Stay(why.to_owned());
    let script = script.ok_or_else(|| stay("only a script has an image"))?;
    match fs::metadata(&script) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Err(stay("only a script has an image")),
        Err(error)
            if error.kind() == ErrorKind::NotFound
                && !script.as_os_str().as_bytes().contains(&b'/') =>
        {
            return Err(stay("only a script has an image"));
        }
        Err(error) => return Err(Cold::Stay(format!("`{}`: {error}", script.display()))),
    }
    let identity = place::identity(&options, &script)
        .map_err(|error| Cold::Stay(format!("`{}`: {error}", script.display())))?;
    let roots = place::ROOTS.map(|name| started.meta.value(name));
    let found =
        common::find(early.cache_dir, |name| std::env::var_os(name), &roots).map_err(Cold::Stay)?;
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
    if started.is_given_up() {
        return Err(Cold::Stay("the restored process could not begin".into()));
    }
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
    let mut spent = 0;
    if wanted.guard {
        spent = clock::processor();
        guard();
    }
    if u64::from(std::process::id()) == head.maker {
        // By its number a library knows that it is in another process, and needs other chances.
        return Err(Cold::Stay(
            "this process has the PID that the image's maker had".into(),
        ));
    }
    let handoff = Handoff {
        environment: started.environment.as_ptr(),
        image: names[0].as_ptr(),
        trial: 0,
        learns,
        claim: claim::place(),
        began: started.began,
        spent,
        cold: Some(way_out::prepare(started, &names)),
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
    match pace::until_made(&|ending| wanted.at(ending), &firsts, pace::now()) {
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
    let until_revived = pace::until_revived(&wanted.at("crashes"), pace::now());
    for ending in ["refused", "bad"] {
        if ending == "bad" && until_revived == 0 {
            continue;
        }
        let head = open(&wanted.at(ending))
            .ok()
            .and_then(|file| read_head(&file));
        // Until something changes another attempt would end as the last one.
        if let Some(head) = head
            && freshness::check(&head, &wanted.identity, pace::now(), meta).is_ok()
        {
            return match head.refusal.as_slice() {
                [] => Cold::Stay(format!(
                    "a restored process has died; no image is used within {until_revived} s"
                )),
                refusal => Cold::Refused(String::from_utf8_lossy(refusal).into_owned()),
            };
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

/// What the first request has learnt.
fn known_pages(path: &Path, head: &Head) -> Option<Vec<(u64, u64)>> {
    let file = open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(pages::LONGEST).read_to_end(&mut bytes).ok()?;
    pages::decode(&bytes, head)
}

pub(crate) fn read_head(image: &File) -> Option<Head> {
    let mut start = [0; 4096];
    let read = image.read_at(&mut start, 0).ok()?;
    let length = Head::length(start.get(..read)?)?;
    let mut head = vec![0; length];
    image.read_exact_at(&mut head, 0).ok()?;
    Head::decode(&head)
}
