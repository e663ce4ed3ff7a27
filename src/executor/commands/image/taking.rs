//! Takes the image: writes the memory of this process, with the application loaded, to a file. A
//! restored process continues at the same place. What the image depends on is known by then.

use std::ffi::OsString;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::maker::Making;
use super::outcome;
use super::started::Restored;
use super::trial;
use super::warm_up;
use crate::interposed::{at_exit, at_fork};
use crate::placement;
use crate::python::{self, Application, EnvironmentRead, PythonState, Recorded};
use crate::random_generators::{refuse_generators, sqlite_libraries};
use exchange::MetaVariables;
use image::basis::{Basis, Changing};
use image::branch::{self, Handoff};
use image::capture;
use image::format::{Head, Opened};
use image::inherited::Inherited;
use image::learned::{self, Learned};
use image::process_state::{Changes, ProcessState};
use image::saved_state::Kept;
use image::store::{LEARNED, remove};
use image::{freshness, maps, pace, refusal, watch};
use process::memory;
use settings::config::Config;

/// A process that is to become an image once its application is loaded.
pub(super) struct Taking {
    pub(super) making: Making,
    pub(super) config: Config,
    /// The variables that a web server might set.
    pub(super) around: MetaVariables,
    pub(super) basis: Basis,
    pub(super) lock: Option<(u64, u64)>,
    /// The files that the choice of packages depends on.
    pub(super) packages: Vec<PathBuf>,
    pub(super) inherited: Vec<(Inherited, Vec<u8>)>,
    pub(super) state: ProcessState,
    pub(super) python_state: PythonState,
    /// The files of idle connections to SQLite.
    pub(super) databases: Vec<Vec<u8>>,
}

/// Whether this process makes the image or was restored from it.
enum Side {
    Maker(Head, File),
    Restored(Handoff, Head, Changes),
}

impl Taking {
    /// Takes the image, if the application is loaded. Returns only in a restored process. There nothing
    /// is freed, as that would write to pages of the image.
    pub(super) fn take(self, loaded: Result<&Application>) -> Restored {
        let own = Box::leak(Box::new(self));
        if std::process::id() != own.making.maker {
            own.making.refuse_for_a_child(&own.basis);
        }
        let loaded = loaded.and_then(|application| {
            own.settle(application)?;
            Ok(application)
        });
        placement::loading_has_ended();
        if own.making.learns {
            // The process that makes the image meets the same obstacle, and says so.
            return own.learn(loaded).unwrap_or_else(|_| outcome::give_up());
        }
        let written = match own.become_an_image(loaded.map(drop)) {
            Ok(Side::Restored(handoff, head, changes)) => {
                return Restored {
                    handoff,
                    head: Box::leak(Box::new(head)),
                    changes: Box::leak(Box::new(changes)),
                    python_state: &own.python_state,
                    config: own.config.clone(),
                };
            }
            Ok(Side::Maker(head, file)) => Ok((head, file)),
            Err(error) => Err(error),
        };
        if written.is_ok() {
            own.note_what_to_learn();
        }
        own.making
            .conclude(&own.around, own.lock, &own.basis, written)
    }

    /// Runs the warm-up, closes what is opened again later, and looks through what is loaded.
    fn settle(&mut self, application: &Application) -> Result<()> {
        // Where the warm-up is what prevents an image, that is noted, but not by a process that makes none.
        let noted = (!self.making.learns).then_some(&self.making.files);
        warm_up::warm_up(application, &self.config.warm_up, noted)?;
        self.python_state.close()?;
        self.databases = python::idle_databases();
        python::prepare_for_copies().map_err(|failure| anyhow!("{}", failure.summary))
    }

    /// Notes whether a later making is to learn what requests write to, which takes a request that has no visitor. What
    /// does not fit this application is learned again, but not each time, as the same may come of it.
    fn note_what_to_learn(&self) {
        let list = self.making.files.at(LEARNED);
        let is_known =
            learned::read(&list).is_some() && (placement::fits() || learned::is_young(&list));
        // A making that a request asks for knows the script's own warm-up alone.
        let is_own = self.making.warm_up.is_empty() && !self.config.warm_up.is_empty();
        if !is_known && is_own {
            // Without the note, requests take longer.
            _ = learned::write(&list, &Learned::due());
        }
    }

    /// Answers the first request of the warm-up again, as a process restored from an image does, with all that belongs
    /// to it, and learns which memory that writes to.
    fn learn(&'static mut self, loaded: Result<&Application>) -> Result<Restored> {
        let recorded = self.python_state.recorded()?;
        loaded?;
        recorded.refuse_obstacle()?;
        let changes = self.state.changes()?;
        changes.undo();
        refusal::refuse_threads_and_timers()?;
        python::resolve_symbols();
        let path = self.config.warm_up.first().context("no warm-up")?;
        placement::request_begins();
        placement::watch()?;
        // This begins a timer, and with a timer the exit functions would not run.
        let handoff = warm_up::as_from_outside(path)?;
        // From here on nothing fails that would need the locks which this takes.
        self.python_state.before();
        Ok(Restored {
            handoff,
            head: Box::leak(Box::default()),
            changes: Box::leak(Box::new(changes)),
            python_state: &self.python_state,
            config: Config {
                log: None,
                access_log: None,
                record: None,
                ..self.config.clone()
            },
        })
    }

    fn become_an_image(&mut self, loaded: Result<()>) -> Result<Side> {
        let recorded = self.python_state.recorded()?;
        let (writers, drew) = (recorded.writers.clone(), recorded.seen.drew.clone());
        let obstacle =
            refuse_request_variables(&recorded.environment).and(recorded.refuse_obstacle());
        let files = &self.making.files;
        let taken = record_basis(
            &mut self.basis,
            recorded,
            std::mem::take(&mut self.packages),
            &self.around,
            std::mem::take(&mut self.inherited),
            &files.folder,
        );
        loaded?;
        obstacle?;
        refuse_generators(&drew)?;
        taken?;
        let changes = self.state.changes()?;
        changes.undo();
        if files.lock() != self.lock {
            bail!("the folder for images was removed meanwhile");
        }
        remove(&files.at("new"));
        let file = ManuallyDrop::new(capture::create(&files.at("new"))?);
        python::reserve_memory();
        python::resolve_symbols();
        self.python_state.before();
        placement::request_begins();
        refusal::refuse_threads_and_timers()?;
        let opened = refusal::opened(&[file.as_raw_fd()], &writers, &self.databases)?;
        self.basis.files.extend(refusal::read_on(&opened));
        let kept = Kept::of_this_process().context(
            "images do not work with this version of the C library, whose thread data has an \
                 unknown layout",
        )?;
        let (head, encoded) = settled_head(&self.basis, &opened, pace::now())?;
        let mut written = Ok(());
        at_exit::look();
        at_fork::prepare();
        let handoff = branch::branch(&mut || written = capture::write(&encoded, &head, &file));
        let Some(handoff) = handoff else {
            self.python_state.after();
            written.context("cannot write the image")?;
            return Ok(Side::Maker(head, ManuallyDrop::into_inner(file)));
        };
        kept.put_back();
        at_fork::continue_as_child();
        _ = memory::keep_mappings(false);
        if handoff.trial != 0 {
            trial::live(&head, &handoff, &self.python_state, &changes);
        }
        Ok(Side::Restored(handoff, head, changes))
    }
}

/// Moves what was recorded into the basis of the image.
fn record_basis(
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
        .filter(|name| freshness::does_not_belong_to_a_request(name))
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
        // Files that loading itself has made in the folder matter only if the folder was listed, not if
        // modules were searched in it.
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
    // Folders that C code listed.
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

/// The head of an image. Taking it may change the memory map, so this is repeated until nothing
/// changes; after that the map must stay the same until the image is written.
fn settled_head(basis: &Basis, opened: &[Opened], now: u64) -> Result<(Head, Vec<u8>)> {
    if memory::keep_mappings(true) {
        memory::fill_free_list();
    }
    let mut moved = None;
    for _ in 0..8 {
        let before = maps::layout()?;
        let head = capture::head(basis, opened.to_vec(), now)?;
        let encoded = head.encode();
        let after = maps::layout()?;
        if after == before && maps::layout()? == before {
            return Ok((head, encoded));
        }
        moved = after.into_iter().find(|mapping| !before.contains(mapping));
    }
    let (start, end) = moved.unwrap_or_default();
    bail!(
        "after it was loaded, the application still changes its memory ({start:#x}-{end:#x}): it may have a \
         thread or a timer, perhaps of a library: start that when a request needs it"
    )
}

/// Refuses an application that read a request's variable while loading, as the result would be valid
/// for one request only.
fn refuse_request_variables(read: &EnvironmentRead) -> Result<()> {
    if let Some((name, _)) = read
        .variables
        .iter()
        .find(|(name, _)| !freshness::does_not_belong_to_a_request(name))
    {
        bail!(
            "while loading, the application reads {}, which differs per request: read it when a request \
             needs it",
            name.escape_ascii()
        )
    }
    match read.kept.first() {
        Some(how) => bail!(
            "while loading, the application uses all environment variables, including those that differ from \
             request to request: {how}: use only the variables that are needed, each by its name, or do this when a \
             request needs it"
        ),
        None => Ok(()),
    }
}
