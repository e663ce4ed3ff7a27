//! Makes an image: this process loads the application, and its memory is then written to a file
//! (`taking`). The file gets its final name once a process restored from it has passed a trial.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::Signal;

use super::super::cgi;
use super::super::executor::{Executor, RunningExchange, StartInfo};
use super::outcome::{REFUSED, end};
use super::started::Begun;
use super::taking::Taking;
use super::warm_up;
use crate::interposed::{at_exit, draws};
use crate::placement;
use crate::python::{self, Inspection, OnHandlerCall, PythonState};
use exchange::MetaVariables;
use image::attempt::{Ended, Files};
use image::basis::Basis;
use image::freshness;
use image::inherited::Inherited;
use image::observer::questions;
use image::place::shown;
use image::process_state::ProcessState;
use image::store::LEARNED;
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use process::{descriptors, environment, signals};
use settings::config::{App, Config};
use settings::options::Values;

/// Libraries for arithmetic start a thread for each processor unless they are told not to.
const ONE_THREAD: [&str; 2] = ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"];

/// An image that is to be made.
pub(super) struct Making {
    pub(super) script: PathBuf,
    /// The warm-up paths that replace those in the script, unless empty.
    pub(super) warm_up: Vec<String>,
    /// Whether to leave the warm-up out.
    pub(super) unwarmed: bool,
    /// Whether to learn which memory a request writes to, and to make no image.
    pub(super) learns: bool,
    /// The options in the script's first line.
    pub(super) flags: Values,
    /// The files of this image.
    pub(super) files: Files,
    /// The number of this attempt, from 1.
    pub(super) attempt: u64,
    /// Whether a person asked for it (`image make`).
    pub(super) by_hand: bool,
    /// The PID of the process that observes this one, and ensures that only one image is made at a time.
    pub(super) observer: i32,
    /// The PID of this process, to recognise a child that the script forks.
    pub(super) maker: u32,
    /// The path of the program, which runs the trial.
    pub(super) program: PathBuf,
}

/// What is known before the application is loaded.
struct Before {
    config: Config,
    executor: Executor,
    inherited: Vec<(Inherited, Vec<u8>)>,
    state: ProcessState,
    python_state: PythonState,
}

impl Making {
    /// Makes the image from this process, and ends the process. In a process restored from the image
    /// this function continues, and answers the request.
    pub(super) fn here(self, handed_on: &HandedOn, around: &MetaVariables) -> Result<Exit> {
        descriptors::close_others(placement::file());
        signals::ignore_file_limit();
        let lock = self.files.lock();
        let mut basis = Basis {
            identity: self.files.identity.clone(),
            began: freshness::now(),
            // Whatever the working directory will be.
            files: [
                &std::path::absolute(&self.script)?,
                Path::new("/etc/localtime"),
            ]
            .map(|path| path.as_os_str().as_bytes().to_vec())
            .into(),
            ..Basis::default()
        };
        let around = freshness::outside(around);
        let before = match self.ready(handed_on, &around, &mut basis) {
            Ok(before) => before,
            Err(_) if self.learns => end(Ended::Refused),
            Err(error) => self.conclude(&around, lock, &basis, Err(error)),
        };
        let Before {
            config,
            mut executor,
            inherited,
            state,
            python_state,
        } = before;
        let learned = self.learns.then(|| self.files.at(LEARNED));
        let taking = Taking {
            packages: executor.deciding_files(&config),
            config: config.clone(),
            making: self,
            around,
            basis,
            lock,
            inherited,
            state,
            python_state,
            databases: Vec::new(),
        };
        let taking = Arc::new(Mutex::new(Some(taking)));
        let underway = Arc::new(Mutex::new(None));
        let prepared = executor.prepare_image(&config, on_handler_call(&taking, &underway));
        if let Some(underway) = underway.lock().expect("not poisoned").take() {
            let exit = executor.conclude_prepared(underway, prepared);
            keep(learned.as_deref());
            // Without freeing memory, which would write to pages of the image.
            at_exit::end(exit.code().into())
        }
        let Some(taking) = taking.lock().expect("not poisoned").take() else {
            bail!("bug in wsgi-cgi: the script ran on after its image was made")
        };
        let loaded = match prepared {
            Err(failure) => Err(anyhow!("{}", failure.summary)),
            Ok(_) => executor.application().context(
                "the script runs a handler of wsgiref.handlers twice or in another thread, so \
                 the script has to be loaded for each request: run it once, in the main thread",
            ),
        };
        let restored = taking.take(loaded);
        let Begun {
            meta,
            config,
            arrival,
            recording,
        } = restored.begin_request();
        if let Some(recording) = recording {
            executor.once_answered(Box::new(move || recording.write()));
        }
        let exit = cgi::run_restored(meta, config, &arrival, executor);
        keep(learned.as_deref());
        at_exit::end(exit.code().into())
    }

    /// Prepares everything before the application is loaded; what it reads is recorded from then on.
    fn ready(
        &self,
        handed_on: &HandedOn,
        around: &MetaVariables,
        basis: &mut Basis,
    ) -> Result<Before> {
        if self.learns && !placement::learns() {
            bail!("this process cannot learn");
        }
        if !draws::come_first() {
            bail!(
                "wsgi-cgi's library was not loaded before Python, although wsgi-cgi set LD_PRELOAD for that, so \
                 random bytes that all requests would share would go unnoticed: name a Python that keeps this \
                 variable (not a wrapper that clears it) with --python"
            );
        }
        let inherited = Inherited::all();
        basis.variables = freshness::variables(&[], around);
        basis.max_age = REFUSED;
        let ours = ONE_THREAD.map(|name| (name, around.get(name).is_none()));
        let ours = ours
            .into_iter()
            .filter_map(|(name, is_ours)| is_ours.then_some(name));
        let ours: Vec<&str> = ours.collect();
        environment::replace(&with_one_thread(around, &ours));
        let mut config =
            Config::decide(self.flags.clone(), around, App::file(self.script.clone()))?;
        if !self.warm_up.is_empty() {
            config.warm_up.clone_from(&self.warm_up);
        }
        if self.unwarmed {
            config.warm_up.clear();
            basis.unwarmed = warm_up::reason(&self.files);
            if self.by_hand {
                let (script, reason) = (self.script.display(), shown(basis.unwarmed.as_bytes()));
                report::log(&format!(
                    "`{script}`: making the image without the warm-up: {reason}"
                ));
            }
        }
        config.cache_dir.get_or_insert(self.files.folder.clone());
        (basis.max_age, basis.max_restores) = (config.max_age, config.max_restores);
        let watch = config.watch.iter();
        basis
            .files
            .extend(watch.map(|path| path.as_os_str().as_bytes().to_vec()));
        signals::install();
        python::record_reading()?;
        python::without_huge_pages();
        // `sitecustomize` and `.pth` files are loaded with the interpreter.
        let state = ProcessState::now();
        PythonState::observe(self.observer)?;
        if self.learns {
            questions::leave()?;
            // What is observed ends with its observer in any case.
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            if !PythonState::is_child_of(self.observer) {
                bail!("the observer has ended");
            }
        }
        // Each request opens its log itself; and with `image make` a person should see errors.
        let without_log = Config {
            log: None,
            ..config.clone()
        };
        let executor = Executor::ready(
            &without_log,
            around,
            &StartInfo::of(handed_on),
            Inspection::default(),
        )?;
        let python_state = PythonState::record(&ours, around)?;
        Ok(Before {
            config,
            executor,
            inherited,
            state,
            python_state,
        })
    }
}

/// What to do when a script runs a handler itself: the image is made during that call, and in a process
/// restored from it the exchange begins.
fn on_handler_call(
    taking: &Arc<Mutex<Option<Taking>>>,
    underway: &Arc<Mutex<Option<RunningExchange>>>,
) -> OnHandlerCall {
    let (taking, underway) = (taking.clone(), underway.clone());
    Box::new(move |application| {
        let taken = taking.lock().expect("not poisoned").take();
        let restored = taken.expect("an image is made once").take(Ok(application));
        let Begun {
            meta,
            config,
            arrival,
            recording,
        } = restored.begin_request();
        match cgi::open_restored(meta, config, &arrival) {
            Ok(opened) => {
                let mut begun = cgi::begin(opened);
                if let Some(recording) = recording {
                    begun.answered = Some(Box::new(move || recording.write()));
                }
                let gateway = begun.gateway.clone();
                *underway.lock().expect("not poisoned") = Some(begun);
                gateway
            }
            Err(exit) => std::process::exit(exit.code().into()),
        }
    })
}

/// Keeps what a process has learned in answering a request, if it was to learn.
fn keep(learned: Option<&Path>) {
    if let Some(path) = learned {
        // Without it, requests take longer.
        _ = placement::keep(path);
    }
}

fn with_one_thread(around: &MetaVariables, ours: &[&str]) -> MetaVariables {
    let mut with = around.clone();
    for name in ours {
        with.set(name, "1");
    }
    with
}
