//! Making an image: in a process of its own, which loads the application and is then written down
//! as it is. An image has its name only once a process restored from it has passed a trial.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};

use super::super::cgi;
use super::super::executor::Executor;
use super::store::{is_at, read_head, remove, take_lock};
use super::{started, sweep, trial};
use crate::config::{App, Config};
use crate::exchange::MetaVariables;
use crate::process::{descriptors, environment, memory, signals};
use crate::python::{self, EnvironmentRead, Inspection, Recorded, Sleeper};
use crate::report::{self, Exit};
use crate::snapshot::branch;
use crate::snapshot::chance::refuse_generators;
use crate::snapshot::format::{Head, Opened};
use crate::snapshot::image::{self, Basis, Changing, Unobserved};
use crate::snapshot::inherited::Inherited;
use crate::snapshot::place::shown;
use crate::snapshot::process_state::ProcessState;
use crate::snapshot::wake::Kept;
use crate::snapshot::{freshness, maps, pace, place, refusal, watch};

/// What an attempt ends with that may succeed a moment later (EX_TEMPFAIL).
pub(super) const AGAIN: i32 = 75;

/// For so many seconds nobody tries again what was refused: its reason may have been elsewhere.
const REFUSED: u64 = 3600;
/// As long as that at most, if it is refused again and again.
const MOST_REFUSED: u64 = 86_400;

/// Libraries for arithmetic start a thread for each processor unless they are told not to.
const ONE_THREAD: [&str; 2] = ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"];

/// An image that is to be made.
pub(super) struct Making<'a> {
    pub(super) script: &'a Path,
    pub(super) warm_up: Option<&'a str>,
    /// How the script is started.
    pub(super) options: Vec<OsString>,
    /// The folder for images.
    pub(super) folder: PathBuf,
    /// An image that was made since is good enough.
    pub(super) unless_since: Option<u64>,
    /// The process that observes this one.
    pub(super) observer: i32,
}

impl Making<'_> {
    /// Makes it of this very process.
    pub(super) fn here(&self, around: &MetaVariables) -> Result<Exit> {
        descriptors::close_others();
        signals::ignore_file_limit();
        place::make(&self.folder).with_context(|| format!("`{}`", self.folder.display()))?;
        let identity = place::identity(&self.options, self.script)
            .with_context(|| format!("`{}`", self.script.display()))?;
        let name = place::name(&identity, &freshness::machine());
        let at = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        let firsts = place::firsts(&self.folder, &place::script_of(&identity));
        // Neither this nor the image's file is open in a restored process, which has their owners
        // in its memory all the same.
        let Some(lock) = take_lock(&at("lock"))? else {
            return Ok(Exit::Success); // another process is at it
        };
        let lock = ManuallyDrop::new(lock);
        if self.is_made(&at, &firsts)? {
            return Ok(Exit::Success);
        }
        // Whatever becomes of this process.
        let attempt = pace::begin(&at, &firsts)
            .with_context(|| format!("`{}` cannot be written", self.folder.display()))?;
        let mut basis = Basis {
            identity,
            began: freshness::now(),
            // Whatever the working directory will be.
            files: [
                &std::path::absolute(self.script)?,
                Path::new("/etc/localtime"),
            ]
            .map(|path| path.as_os_str().as_bytes().to_vec())
            .into(),
            ..Basis::default()
        };
        let written = self
            .write(around, &mut basis, &at, &lock)
            .and_then(|(head, file)| trial::pass(&at("new"), &file, head));
        if !is_at(&lock, &at("lock")) {
            end(AGAIN) // the folder was removed, and whatever is there now is another process's
        }
        if let Err(error) = written {
            remove(&at("new"));
            if error.is::<Unobserved>() {
                end(AGAIN)
            }
            self.refuse(&error, &basis, &at, attempt)?;
        }
        let is_changed = ["image", "bad"].iter().all(|ending| {
            read_head(&at(ending)).is_none_or(|head| {
                freshness::check(&head, &basis.identity, head.made, &outside(around)).is_err()
            })
        });
        if is_changed || self.unless_since.is_none() {
            remove(&at("crashes"));
        }
        if self.unless_since.is_none() {
            remove(&at("tries"));
        }
        for ending in ["refused", "bad", "used", "unlucky"] {
            remove(&at(ending));
        }
        fs::rename(at("new"), at("image")).context("the image")?;
        sweep::sweep(&self.folder, &name);
        std::io::stdout().flush()?;
        end(0)
    }

    /// Whether there is one that is good enough, or another process has just tried: of many requests
    /// at a time each has one made.
    fn is_made(&self, at: &dyn Fn(&str) -> PathBuf, firsts: &Path) -> Result<bool> {
        let Some(since) = self.unless_since else {
            return Ok(false);
        };
        let is_made = read_head(&at("image")).is_some_and(|head| head.made >= since);
        let is_early = since > 0 && pace::until_made(at, firsts, now()?) > 0;
        Ok(is_made || is_early)
    }

    /// Says for other processes why there is no image, until what that rests on changes.
    fn refuse(
        &self,
        error: &anyhow::Error,
        basis: &Basis,
        at: &dyn Fn(&str) -> PathBuf,
        attempt: u64,
    ) -> Result<()> {
        let reason = format!("{}: no image: {error:#}", self.script.display());
        let reason = shown(reason.as_bytes());
        let changing = pace::wait(attempt);
        let max_age = if error.is::<Changing>() {
            changing
        } else {
            (REFUSED << (attempt - 1).min(5)).min(MOST_REFUSED)
        };
        let head = match basis.refusal(now()?, &reason, max_age) {
            Ok(head) => head,
            // Of a file that changed meanwhile nobody knows which content was read.
            Err(_) => Basis {
                identity: basis.identity.clone(),
                max_age: changing,
                ..Basis::default()
            }
            .refusal(now()?, &reason, changing)?,
        };
        let written = image::create(&at("new")).and_then(|mut file| {
            file.write_all(&head.encode())?;
            Ok(fs::rename(at("new"), at("refused"))?)
        });
        if let Err(error) = written {
            remove(&at("new"));
            report::log(&format!("the reason cannot be kept: {error:#}"));
        }
        // Who has one made by hand has a reason to.
        if self.unless_since.is_none() {
            remove(&at("tries"));
        }
        // Threads might have to be waited for without end.
        if refusal::refuse_company().is_ok() {
            python::leave();
        }
        // Whoever has loaded it in vain has also done what was left to be done at exit: that is not
        // repeated but for what may be another the next time.
        if error.is::<Changing>() {
            end(AGAIN)
        }
        bail!("{reason}")
    }

    fn write(
        &self,
        around: &MetaVariables,
        basis: &mut Basis,
        at: &dyn Fn(&str) -> PathBuf,
        lock: &File,
    ) -> Result<(Head, File)> {
        let around = outside(around);
        let inherited = Inherited::all();
        basis.variables = freshness::variables(&[], &around);
        basis.max_age = REFUSED;
        environment::replace(&with_one_thread(&around));
        let typed = cgi::parse(self.options.clone())?;
        let mut config = Config::decide(typed.options, &around, App::file(self.script.to_owned()))?;
        if let Some(path) = self.warm_up {
            config.warm_up = Some(path.to_owned());
        }
        (basis.max_age, basis.max_restores) = (config.max_age, config.max_restores);
        let watch = config.watch.iter();
        basis
            .files
            .extend(watch.map(|path| path.as_os_str().as_bytes().to_vec()));
        signals::install();
        python::record_reading()?;
        let mut executor = Executor::ready(&config, &around, Inspection::default())?;
        let state = ProcessState::now();
        let sleeper = Sleeper::record(self.observer)?;
        let loaded = Self::load(&mut executor, &config, &sleeper);
        let recorded = sleeper.recorded()?;
        let writers = recorded.writers.clone();
        let obstacle = of_the_environment(&recorded.environment).and(recorded.refuse_obstacle());
        take_down(
            basis,
            recorded,
            executor.rests_on(&config),
            &around,
            inherited,
            &self.folder,
        )?;
        loaded?;
        obstacle?;
        refuse_generators()?;
        let changes = state.changes()?;
        changes.undo();
        if !is_at(lock, &at("lock")) {
            bail!("the folder for images was removed");
        }
        remove(&at("new"));
        let file = ManuallyDrop::new(image::create(&at("new"))?);
        let own = [file.as_raw_fd(), lock.as_raw_fd()];
        sleeper.before();
        refusal::refuse_company()?;
        let opened = refusal::opened(&own, &writers)?;
        basis.files.extend(refusal::read_on(&opened));
        let kept = Kept::of_this_process().context("this C library keeps its state elsewhere")?;
        let (head, encoded) = settled_head(basis, &opened, now()?)?;
        let mut written = Ok(());
        let handoff = branch::branch(&mut || written = image::write(&encoded, &head, &file));
        match handoff {
            None => {
                sleeper.after();
                written.context("the image cannot be written")?;
                Ok((head, ManuallyDrop::into_inner(file)))
            }
            Some(handoff) => {
                kept.put_back();
                _ = memory::hold_still(false);
                if handoff.trial != 0 {
                    trial::live(&head, &handoff, &sleeper, &changes);
                }
                let exit = started::go_on(&handoff, &sleeper, &changes, config, executor);
                // What the maker has in memory is not worth the pages that freeing it would touch.
                std::process::exit(exit.code().into())
            }
        }
    }

    fn load(executor: &mut Executor, config: &Config, sleeper: &Sleeper) -> Result<()> {
        executor
            .prepare_image(config)
            .map_err(|failure| anyhow!("{}", failure.summary))?;
        if !executor.is_loaded() {
            bail!(
                "a script that runs a handler of wsgiref.handlers has an image only where it ends in \
                 `CGIHandler().run(application)`"
            );
        }
        if let Some(path) = &config.warm_up {
            trial::warm_up(executor, path)?;
        }
        sleeper.close()?;
        python::settle().map_err(|failure| anyhow!("{}", failure.summary))
    }
}

/// What the application registered to be done at exit is for those that answer requests.
fn end(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

/// What an image rests on, as far as it was recorded.
fn take_down(
    basis: &mut Basis,
    recorded: Recorded,
    packages: Vec<PathBuf>,
    around: &MetaVariables,
    inherited: Vec<(Inherited, Vec<u8>)>,
    store: &Path,
) -> Result<()> {
    let mut around = around.clone();
    let read = recorded.environment.variables.iter();
    let names = read.map(|(name, _)| name.clone());
    let names: Vec<Vec<u8>> = names
        .filter(|name| freshness::is_of_the_surroundings(name))
        .collect();
    let given = around
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()));
    let asked = recorded.environment.variables.into_iter();
    around = MetaVariables::from_pairs(
        given
            .chain(asked.filter_map(|(name, value)| Some((name, value?))))
            .collect::<Vec<_>>(),
    );
    basis.variables = freshness::variables(&names, &around);
    basis.names = recorded.environment.names;
    basis.inherited = inherited
        .into_iter()
        .filter(|(what, _)| recorded.seen.inherited.contains(what))
        .map(|(what, value)| (what.number(), value))
        .collect();
    basis.files.extend(recorded.files);
    let packages = packages.into_iter().map(PathBuf::into_os_string);
    basis
        .files
        .extend(packages.map(OsString::into_encoded_bytes));
    basis.found = recorded.found;
    basis.asked = recorded.asked;
    basis.drawn = recorded.drawn;
    let watched = watch::watched(
        &recorded.seen,
        &recorded.askers,
        &recorded.databases,
        store.as_os_str().as_bytes(),
    )?;
    basis.files.extend(watched.files);
    basis.looks = watched.looks;
    basis.own = watched.own;
    let (mut folders, listed) = (Vec::new(), &watched.folders);
    for (folder, is_searched) in recorded.folders {
        let is_listed = !is_searched || listed.contains(&folder.path);
        // What loading itself has put there makes no difference to whoever looks for modules.
        let folder = if !is_listed && watched.filled.contains(&folder.path) {
            freshness::list(folder.path)
        } else {
            folder
        };
        folders.push(folder.folder(is_listed));
    }
    // What C listed.
    for path in listed {
        if !folders.iter().any(|known| known.path == *path) {
            folders.push(freshness::list(path.clone()).folder(true));
        }
    }
    basis.folders = folders;
    match watched.changed.first() {
        Some(path) => Err(Changing(format!("`{}` changed meanwhile", path.escape_ascii())).into()),
        None => Ok(()),
    }
}

/// The head of an image, taken when taking it changes nothing any more; the address space is to stay
/// as it is until the image is written.
fn settled_head(basis: &Basis, opened: &[Opened], now: u64) -> Result<(Head, Vec<u8>)> {
    if memory::hold_still(true) {
        memory::fill_gaps();
    }
    for _ in 0..8 {
        let before = maps::layout()?;
        let head = image::head(basis, opened.to_vec(), now)?;
        let encoded = head.encode();
        if maps::layout()? == before && maps::layout()? == before {
            return Ok((head, encoded));
        }
    }
    bail!("the process does not come to rest")
}

/// What loading made of a request's variable would be that request's alone.
fn of_the_environment(read: &EnvironmentRead) -> Result<()> {
    if let Some((name, _)) = read
        .variables
        .iter()
        .find(|(name, _)| !freshness::is_of_the_surroundings(name))
    {
        bail!(
            "loading the application reads {}, which differs per request",
            name.escape_ascii()
        )
    }
    match read.kept.first() {
        Some(how) => bail!(
            "loading the application uses all variables of the environment, those of one request \
             among them: {how}"
        ),
        None => Ok(()),
    }
}

/// The variables of a request are never in an image.
pub(super) fn outside(variables: &MetaVariables) -> MetaVariables {
    let kept = variables
        .iter()
        .filter(|(name, _)| freshness::is_of_the_surroundings(name))
        .map(|(name, value)| (name.to_vec(), value.to_vec()));
    MetaVariables::from_pairs(kept)
}

fn with_one_thread(around: &MetaVariables) -> MetaVariables {
    let mut with = around.clone();
    for name in ONE_THREAD {
        if with.get(name).is_none() {
            with.set(name, "1");
        }
    }
    with
}

/// Now, in seconds since 1970.
pub(super) fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

/// What follows the program's name in a script's first line, as the kernel passes it.
pub(super) fn first_line_options(script: &Path) -> Result<Vec<OsString>> {
    let text = fs::read(script).with_context(|| format!("`{}`", script.display()))?;
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = line.strip_prefix(b"#!").unwrap_or_default().trim_ascii();
    let space = line.iter().position(|&byte| byte == b' ' || byte == b'\t');
    let argument = space.map_or(&b""[..], |space| line[space..].trim_ascii());
    let argument = (!argument.is_empty()).then(|| OsStr::from_bytes(argument));
    cgi::hash_bang_options(argument, script)
}
