//! Making an image: in a process of its own, which loads the application and is then written down
//! as it is. An image has its name only once a process restored from it has passed a trial.

use std::ffi::{CStr, OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use rustix::fs::FlockOperation;

use super::super::cgi;
use super::super::executor::Executor;
use super::folder;
use super::list::read_head;
use crate::config::{App, Config};
use crate::exchange::{BodyLength, MetaVariables, Responder};
use crate::process::{descriptors, environment, last_resort, memory, signals};
use crate::python::{self, Inspection, Sleeper};
use crate::report::{self, Exit};
use crate::snapshot::branch::{self, Handoff};
use crate::snapshot::image::{self, Basis, Changing};
use crate::snapshot::wake::{self, Kept};
use crate::snapshot::{freshness, maps, place};
use crate::transport::cgi::CgiWriter;
use crate::transport::wire::Form;

/// What a trial ends with: no other way to end is this one by chance.
const TRIED: i32 = 77;

/// What an attempt ends with that may succeed a moment later (EX_TEMPFAIL).
const AGAIN: i32 = 75;

/// How often that is tried when somebody waits for it.
const ATTEMPTS: usize = 5;

/// An image that is to be made.
pub(super) struct Making<'a> {
    pub(super) script: &'a Path,
    pub(super) warm_up: Option<&'a str>,
    /// The one in the script's first line, where the launcher has seen it.
    pub(super) argument: Option<&'a OsStr>,
    /// An image that was made since is good enough.
    pub(super) unless_since: Option<u64>,
}

impl Making<'_> {
    /// Makes it in a process that has nothing of this one: no descriptor, no session, and of the
    /// environment what a web server might give.
    pub(super) fn elsewhere(&self, environment: &MetaVariables) -> Result<Exit> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["snapshot", "make", "--here"]);
        if let Some(path) = self.warm_up {
            command.arg("--warm-up").arg(path);
        }
        let mut outside = environment.clone();
        keep_outside(&mut outside);
        // Where web servers start a script.
        let script = fs::canonicalize(self.script)
            .with_context(|| format!("`{}`", self.script.display()))?;
        command
            .current_dir(script.parent().unwrap_or(Path::new("/")))
            .arg(script)
            .env_clear()
            .envs(
                outside
                    .iter()
                    .map(|(n, v)| (OsStr::from_bytes(n), OsStr::from_bytes(v))),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        // SAFETY: a system call and nothing else, in the child before it becomes the program.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                Ok(())
            });
        }
        for _ in 0..ATTEMPTS {
            match command.status()?.code() {
                Some(0) => return Ok(Exit::Success),
                Some(AGAIN) => {}
                _ => return Ok(Exit::Failure),
            }
        }
        bail!(
            "a file that `{}` reads changes all the time",
            self.script.display()
        )
    }

    /// Makes it of this very process.
    pub(super) fn here(&self, mut around: MetaVariables) -> Result<Exit> {
        descriptors::close_others();
        let folder = folder()?;
        place::make(&folder).with_context(|| format!("`{}`", folder.display()))?;
        let argument = match self.argument {
            Some(argument) => Some(argument.to_owned()),
            None => first_line_argument(self.script)?,
        };
        let identity = place::identity(argument.as_deref(), self.script)
            .with_context(|| format!("`{}`", self.script.display()))?;
        let name = place::name(&identity);
        let at = |ending: &str| folder.join(format!("{name}.{ending}"));
        // Neither this nor the image's file is open in a restored process, which has their owners
        // in its memory all the same.
        let lock = ManuallyDrop::new(File::create(at("lock")).context("the lock")?);
        if rustix::fs::flock(&*lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(Exit::Success); // another process is at it
        }
        let made = read_head(&at("image")).map(|head| head.made);
        if self
            .unless_since
            .is_some_and(|since| made.is_some_and(|made| made >= since))
        {
            return Ok(Exit::Success);
        }
        let made = self
            .write(
                &mut around,
                argument.as_deref(),
                identity,
                &at("new"),
                &lock,
            )
            .and_then(|head| try_image(&at("new"), head));
        if let Err(error) = made {
            _ = fs::remove_file(at("new"));
            let reason = format!("{}: no image: {error:#}\n", self.script.display());
            let ending = if error.is::<Changing>() {
                "later"
            } else {
                "refused"
            };
            fs::write(at(ending), &reason).context("the reason")?;
            if error.is::<Changing>() {
                // SAFETY: ends the process.
                unsafe { libc::_exit(AGAIN) }
            }
            bail!("{}", reason.trim_end());
        }
        for ending in ["refused", "later", "bad"] {
            _ = fs::remove_file(at(ending));
        }
        fs::rename(at("new"), at("image")).context("the image")?;
        // What the application registered to be done at exit is for those that answer requests.
        std::io::stdout().flush()?;
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) }
    }

    fn write(
        &self,
        around: &mut MetaVariables,
        argument: Option<&OsStr>,
        identity: Vec<u8>,
        new: &Path,
        lock: &File,
    ) -> Result<image::Head> {
        let began = freshness::now();
        keep_outside(around);
        environment::replace(around);
        let words = cgi::hash_bang_options(argument, self.script)?;
        let typed = cgi::parse(words)?;
        let config = Config::decide(typed.options, around, App::file(self.script.to_owned()))?;
        signals::install();
        python::record_reading()?;
        let mut executor = Executor::ready(&config, around, Inspection::default())?;
        let sleeper = Sleeper::record()?;
        executor
            .prepare(&config, true)
            .map_err(|failure| anyhow!("{}", failure.summary))?;
        if !executor.is_loaded() {
            bail!("a script that calls CGIHandler itself cannot be loaded ahead");
        }
        if let Some(path) = self.warm_up {
            warm_up(&executor, path)?;
        }
        python::settle().map_err(|failure| anyhow!("{}", failure.summary))?;
        let (names, read) = sleeper.recorded()?;
        refuse_requests_variables(&names)?;
        let _ = fs::remove_file(new);
        let file = ManuallyDrop::new(image::create(new)?);
        let basis = Basis {
            identity,
            variables: freshness::variables(&names, around.iter()),
            files: read.files,
            folders: read.folders,
            began,
            own: vec![file.as_raw_fd(), lock.as_raw_fd()],
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        sleeper.before();
        let kept = Kept::of_this_process().context("this C library keeps its state elsewhere")?;
        let (head, encoded) = settled_head(&basis, now)?;
        let mut written = Ok(());
        let handoff = branch::branch(&mut || written = image::write(&encoded, &head, &file));
        match handoff {
            None => {
                sleeper.after();
                written.context("the image cannot be written")?;
                Ok(head)
            }
            Some(handoff) => {
                kept.put_back();
                memory::hold_still(false);
                if handoff.trial != 0 {
                    self.try_out(&head, &handoff, &sleeper, &executor);
                }
                let exit = go_on(&handoff, &sleeper, config, executor);
                // What the maker has in memory is not worth the pages that freeing it would touch.
                std::process::exit(exit.code().into())
            }
        }
    }
}

impl Making<'_> {
    /// The life of a process that was restored to see whether it can be. It tells which pages it had
    /// to write to.
    fn try_out(
        &self,
        head: &image::Head,
        handoff: &Handoff,
        sleeper: &Sleeper,
        executor: &Executor,
    ) -> ! {
        let tried = || -> Result<()> {
            // What the application prints is not for the maker.
            let mut out = File::from(descriptors::take()?.stdout);
            sleeper.wake(&wake::environment(handoff))?;
            if let Some(path) = self.warm_up {
                warm_up(executor, path)?;
            }
            for (start, length) in image::written_parts(head)? {
                writeln!(out, "{start} {length}")?;
            }
            Ok(())
        };
        let code = match tried() {
            Ok(()) => TRIED,
            Err(error) => {
                report::log_error(&error);
                1
            }
        };
        // SAFETY: ends the process.
        unsafe { libc::_exit(code) }
    }
}

/// The head of an image, taken when taking it changes nothing any more; the address space is to stay
/// as it is until the image is written.
fn settled_head(basis: &Basis, now: u64) -> Result<(image::Head, Vec<u8>)> {
    memory::hold_still(true);
    for _ in 0..8 {
        let before = maps::layout()?;
        let head = image::head(basis, now)?;
        let encoded = head.encode();
        if maps::layout()? == before && maps::layout()? == before {
            return Ok((head, encoded));
        }
    }
    bail!("the process does not come to rest")
}

/// The life of a process that was restored.
fn go_on(handoff: &Handoff, sleeper: &Sleeper, config: Config, executor: Executor) -> Exit {
    let meta = wake::environment(handoff);
    environment::replace(&meta);
    let woken = sleeper.wake(&meta);
    if !handoff.image.is_null() {
        // SAFETY: the launcher's string, in memory that stays mapped.
        last_resort::spoil(unsafe { CStr::from_ptr(handoff.image) });
    }
    if let Err(error) = woken {
        report::log(&format!("the restored process cannot go on: {error}"));
    }
    cgi::run_restored(meta, config, executor)
}

/// A GET whose answer nobody reads.
fn warm_up(executor: &Executor, path: &str) -> Result<()> {
    let null = || File::options().read(true).write(true).open("/dev/null");
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let pairs = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("REQUEST_METHOD", "GET"),
        ("PATH_INFO", path),
        ("QUERY_STRING", query),
        ("SERVER_NAME", "localhost"),
        ("HTTP_HOST", "localhost"),
        ("SERVER_PORT", "80"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("REMOTE_ADDR", "127.0.0.1"),
    ];
    let pairs = pairs.map(|(name, value)| (name.into(), value.into()));
    let mut meta = MetaVariables::from_pairs(pairs);
    meta.complete(None);
    let request = crate::transport::cgi::request(meta, null()?.into(), BodyLength::Bytes(0));
    let writer = CgiWriter::new(null()?.into(), request.body.clone(), Form::Cgi);
    executor.warm_up(&request, Responder::new(Box::new(writer), b"GET"));
    Ok(())
}

/// Has a process restored from the image, which looks at itself and ends; what it had to write to
/// is prepared in others from the start.
fn try_image(image: &Path, mut head: image::Head) -> Result<()> {
    let launcher = std::env::current_exe()?.with_file_name("wsgi-cgi-snap");
    let mut trial = Command::new(&launcher);
    trial.arg0("#?").arg(image).env_clear().stdin(Stdio::null());
    // Once in a thousand times something of the new process is where the image has its stack.
    let mut tried = trial.output();
    for _ in 1..ATTEMPTS {
        if tried
            .as_ref()
            .is_ok_and(|tried| tried.status.code() == Some(TRIED))
        {
            break;
        }
        tried = trial.output();
    }
    let tried = tried.with_context(|| format!("`{}`", launcher.display()))?;
    if tried.status.code() != Some(TRIED) {
        bail!(
            "a process restored from it ended with {}: {}",
            tried.status,
            String::from_utf8_lossy(&tried.stderr).trim_end()
        );
    }
    let parts = String::from_utf8(tried.stdout)?;
    head.eager = parts
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(start, length)| Some((start.parse().ok()?, length.parse().ok()?)))
        .collect();
    let file = File::options().write(true).open(image)?;
    std::os::unix::fs::FileExt::write_all_at(&file, &head.encode(), 0)?;
    Ok(())
}

/// What loading made of a request's variable would be that request's alone. The exception is looked
/// for by many, and never there in CGI.
fn refuse_requests_variables(names: &[Vec<u8>]) -> Result<()> {
    let pairs = names.iter().map(|name| (name.clone(), b"x".to_vec()));
    let read = MetaVariables::from_pairs(pairs);
    let mut read = read.of_the_request().map(|(name, _)| name);
    match read.find(|name| *name != b"HTTP_PROXY") {
        Some(name) => bail!(
            "loading the application reads {}, which each request has another of",
            name.escape_ascii()
        ),
        None => Ok(()),
    }
}

/// The variables of a request are never in an image.
fn keep_outside(variables: &mut MetaVariables) {
    let mut outside = MetaVariables::default();
    outside.surround(variables);
    let kept: Vec<(Vec<u8>, Vec<u8>)> = outside
        .iter()
        .filter(|(name, _)| freshness::is_of_the_surroundings(name))
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect();
    *variables = MetaVariables::from_pairs(kept);
}

/// The name of the image for a script.
pub(super) fn name_of(script: &Path, argument: Option<OsString>) -> Result<String> {
    let argument = match argument {
        Some(argument) => Some(argument),
        None => first_line_argument(script)?,
    };
    let script = fs::canonicalize(script).with_context(|| format!("`{}`", script.display()))?;
    std::env::set_current_dir(script.parent().unwrap_or(Path::new("/")))?;
    Ok(place::name(&place::identity(argument.as_deref(), &script)?))
}

/// What follows the program's name in a script's first line, as the kernel passes it.
fn first_line_argument(script: &Path) -> Result<Option<OsString>> {
    let text = fs::read(script).with_context(|| format!("`{}`", script.display()))?;
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let Some(line) = line.strip_prefix(b"#!") else {
        bail!("`{}` has no `#!` line", script.display());
    };
    let line = line.trim_ascii();
    let Some(space) = line.iter().position(|&byte| byte == b' ' || byte == b'\t') else {
        return Ok(None);
    };
    let argument = line[space..].trim_ascii();
    Ok((!argument.is_empty()).then(|| OsStr::from_bytes(argument).to_owned()))
}
