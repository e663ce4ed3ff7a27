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
use super::attempt::Files;
use super::store::{read_head, remove};
use super::{started, sweep, trial};
use crate::config::{App, Config};
use crate::exchange::MetaVariables;
use crate::process::{at_fork, descriptors, environment, memory, signals};
use crate::python::{self, EnvironmentRead, Inspection, Recorded, Sleeper};
use crate::report::{self, Exit};
use crate::snapshot::branch;
use crate::snapshot::chance::{refuse_generators, sqlite_libraries};
use crate::snapshot::format::{Head, Opened};
use crate::snapshot::image::{self, Basis, Changing, Unobserved};
use crate::snapshot::inherited::Inherited;
use crate::snapshot::place::shown;
use crate::snapshot::process_state::ProcessState;
use crate::snapshot::wake::Kept;
use crate::snapshot::{freshness, maps, pace, refusal, watch};

/// What an attempt ends with that may succeed a moment later (EX_TEMPFAIL).
pub(super) const AGAIN: i32 = 75;

/// What it ends with where the reason is what loading itself has changed, and may change no more.
pub(super) const SETTLES: i32 = 76;

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
    /// Where it is to be.
    pub(super) files: Files,
    /// How often it was tried.
    pub(super) attempt: u64,
    /// Who has one made by hand has a reason to.
    pub(super) by_hand: bool,
    /// The process that observes this one, and sees to it that no other is at it.
    pub(super) observer: i32,
}

impl Making<'_> {
    /// Makes it of this very process.
    pub(super) fn here(&self, around: &MetaVariables) -> Result<Exit> {
        descriptors::close_others();
        signals::ignore_file_limit();
        let files = &self.files;
        let lock = files.lock();
        let mut basis = Basis {
            identity: files.identity.clone(),
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
            .write(around, &mut basis, lock)
            .and_then(|(head, file)| trial::pass(&files.at("new"), &file, head));
        if lock.is_none() || files.lock() != lock {
            end(AGAIN) // the folder was removed, and whatever is there now is another process's
        }
        if let Err(error) = written {
            remove(&files.at("new"));
            if error.is::<Unobserved>() {
                end(AGAIN)
            }
            self.refuse(&error, &basis)?;
        }
        let is_changed = ["image", "bad"].iter().all(|ending| {
            read_head(&files.at(ending)).is_none_or(|head| {
                freshness::check(&head, &basis.identity, head.made, &outside(around)).is_err()
            })
        });
        if is_changed || self.by_hand {
            remove(&files.at("crashes"));
        }
        if self.by_hand {
            remove(&files.at("tries"));
        }
        for ending in ["refused", "bad", "pages", "used", "unlucky"] {
            remove(&files.at(ending));
        }
        fs::rename(files.at("new"), files.at("image")).context("the image")?;
        sweep::sweep(&files.folder, &files.name);
        std::io::stdout().flush()?;
        end(0)
    }

    /// Says for other processes why there is no image, until what that rests on changes.
    fn refuse(&self, error: &anyhow::Error, basis: &Basis) -> Result<()> {
        let files = &self.files;
        let reason = format!("{}: no image: {error:#}", self.script.display());
        let reason = shown(reason.as_bytes());
        let changing = pace::wait(self.attempt);
        let max_age = if error.is::<Changing>() {
            changing
        } else {
            (REFUSED << self.attempt.saturating_sub(1).min(5)).min(MOST_REFUSED)
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
        let written = image::create(&files.at("new")).and_then(|mut file| {
            file.write_all(&head.encode())?;
            Ok(fs::rename(files.at("new"), files.at("refused"))?)
        });
        if let Err(error) = written {
            remove(&files.at("new"));
            report::log(&format!("the reason cannot be kept: {error:#}"));
        }
        if self.by_hand {
            remove(&files.at("tries"));
        }
        // Threads might have to be waited for without end.
        if refusal::refuse_company().is_ok() {
            python::leave();
        }
        // Whoever has loaded it in vain has also done what was left to be done at exit: that is not
        // repeated but for what may be another the next time.
        if let Some(changing) = error.downcast_ref::<Changing>() {
            end(if changing.by_loading { SETTLES } else { AGAIN })
        }
        bail!("{reason}")
    }

    fn write(
        &self,
        around: &MetaVariables,
        basis: &mut Basis,
        lock: Option<(u64, u64)>,
    ) -> Result<(Head, File)> {
        let (around, files) = (outside(around), &self.files);
        let inherited = Inherited::all();
        basis.variables = freshness::variables(&[], &around);
        basis.max_age = REFUSED;
        let ours = ONE_THREAD.map(|name| (name, around.get(name).is_none()));
        let ours = ours
            .into_iter()
            .filter_map(|(name, is_ours)| is_ours.then_some(name));
        let ours: Vec<&str> = ours.collect();
        environment::replace(&with_one_thread(&around, &ours));
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
        python::without_huge_pages();
        // What is customized for all of a machine's Python programs is loaded with the interpreter.
        let state = ProcessState::now();
        let mut executor = Executor::ready(&config, &around, Inspection::default())?;
        let sleeper = Sleeper::record(self.observer, &ours)?;
        let loaded = Self::load(&mut executor, &config, &sleeper);
        let recorded = sleeper.recorded()?;
        let (writers, drew) = (recorded.writers.clone(), recorded.seen.drew.clone());
        let obstacle = of_the_environment(&recorded.environment).and(recorded.refuse_obstacle());
        let taken = take_down(
            basis,
            recorded,
            executor.rests_on(&config),
            &around,
            inherited,
            &files.folder,
        );
        loaded?;
        obstacle?;
        refuse_generators(&drew)?;
        taken?;
        let changes = state.changes()?;
        changes.undo();
        if files.lock() != lock {
            bail!("the folder for images was removed");
        }
        remove(&files.at("new"));
        let file = ManuallyDrop::new(image::create(&files.at("new"))?);
        sleeper.before();
        refusal::refuse_company()?;
        let opened = refusal::opened(&[file.as_raw_fd()], &writers)?;
        basis.files.extend(refusal::read_on(&opened));
        let kept = Kept::of_this_process().context("this C library keeps its state elsewhere")?;
        let (head, encoded) = settled_head(basis, &opened, now()?)?;
        let mut written = Ok(());
        at_fork::prepare();
        let handoff = branch::branch(&mut || written = image::write(&encoded, &head, &file));
        match handoff {
            None => {
                sleeper.after();
                written.context("the image cannot be written")?;
                Ok((head, ManuallyDrop::into_inner(file)))
            }
            Some(handoff) => {
                kept.put_back();
                at_fork::go_on_as_child();
                _ = memory::hold_still(false);
                if handoff.trial != 0 {
                    trial::live(&head, &handoff, &sleeper, &changes);
                }
                if handoff.learns != 0 {
                    executor.once_answered(Box::new(move || started::tell_pages(&handoff, &head)));
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
            bail!("the script answers by itself while it is loaded");
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
    let device_reads = sqlite_libraries() + recorded.device_readers.len() as u64;
    for reader in recorded.device_readers {
        if !basis.drawn.contains(&reader) {
            basis.drawn.push(reader);
        }
    }
    let mut watched = watch::watched(
        &recorded.seen,
        &recorded.askers,
        &recorded.databases,
        device_reads,
        store.as_os_str().as_bytes(),
    )?;
    basis.files.extend(watched.files);
    basis.looks = watched.looks;
    basis.own = watched.own;
    let (mut folders, listed) = (Vec::new(), std::mem::take(&mut watched.folders));
    for (folder, is_searched) in recorded.folders {
        let is_listed = !is_searched || listed.contains(&folder.path);
        // What loading itself has put there makes no difference to whoever looks for modules, and does to
        // whoever lists them.
        let folder = if watched.filled.contains(&folder.path) {
            let (path, before) = (folder.path.clone(), folder.folder(is_listed));
            let now = freshness::list(path).folder(is_listed);
            if is_listed && now.names != before.names {
                watched.rewritten.push(now.path.clone());
            }
            now
        } else {
            folder.folder(is_listed)
        };
        folders.push(folder);
    }
    // What C listed.
    for path in &listed {
        if !folders.iter().any(|known| known.path == *path) {
            folders.push(freshness::list(path.clone()).folder(true));
        }
    }
    basis.folders = folders;
    if let Some(path) = watched.changed.first() {
        return Err(Changing::meanwhile(path).into());
    }
    match watched.rewritten.first() {
        Some(path) => Err(Changing::by_loading(path).into()),
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

fn with_one_thread(around: &MetaVariables, ours: &[&str]) -> MetaVariables {
    let mut with = around.clone();
    for name in ours {
        with.set(name, "1");
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
