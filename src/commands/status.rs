//! `image status`: the image of each application, or why it has none, as text and as JSON.

use std::fmt::{self, Write as _};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::process::{Resource, getrlimit};

use exchange::json::quoted;
use image::format::Head;
use image::place::{script_of, shown};
use image::plan::plan;
use image::sweep::MOST;
use image::{freshness, pace};
use process::report::Exit;

use super::list;

/// What to show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// Only this script, or those below this folder.
    pub(super) path: Option<&'a Path>,
    /// Whether to show each step of a restore.
    pub(super) explain: bool,
    /// As JSON.
    pub(super) json: bool,
}

/// Prints the status.
pub(super) fn status(folder: &Path, wanted: Wanted<'_>) -> Result<Exit> {
    let names = wanted.path.map(list::names).transpose()?;
    let mut entries: Vec<Entry> = list::heads(folder)
        .filter(|(_, head)| is_wanted(head.as_ref(), names.as_deref()))
        .filter_map(|(path, head)| Entry::of(&path, head, wanted.explain))
        .collect();
    entries.sort_by_cached_key(Entry::to_string);
    if let Some(path) = wanted.path
        && entries.is_empty()
        && !list::exists(path)
    {
        return Ok(Exit::Usage);
    }
    let text = if wanted.json {
        json(folder, &entries)
    } else if entries.is_empty() {
        list::no_image(folder, names.as_deref().and_then(<[_]>::first)) + "\n"
    } else {
        let mut text = String::new();
        for entry in &entries {
            _ = writeln!(text, "{entry}");
        }
        match wanted.path {
            None => text.push_str(&total(folder, &entries)),
            Some(path) if path.is_dir() => text.push_str(&total_below(path, &entries)),
            Some(_) => {}
        }
        text
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Success)
}

fn is_wanted(head: Option<&Head>, names: Option<&[PathBuf]>) -> bool {
    names.is_none_or(|names| {
        head.is_some_and(|head| {
            let script = script_of(&head.identity);
            names.iter().any(|name| script.starts_with(name))
        })
    })
}

/// One application.
struct Entry {
    /// The script, or the file in the store if the script is not known.
    name: String,
    /// Disk space.
    bytes: u64,
    state: State,
}

enum State {
    Image(Image),
    /// There is no image, for this reason.
    Refused(String),
    /// The image is not used for this many seconds.
    Paused(u64),
    /// The file was made by another version, or is damaged.
    Other,
}

struct Image {
    /// In seconds.
    age: u64,
    requests: u64,
    watched: usize,
    /// How its machine and user differ from these, so that it is not used here.
    difference: Option<String>,
    remarks: Vec<String>,
    /// The steps of a restore, if asked for.
    steps: Vec<String>,
}

impl Entry {
    /// `None` if it was removed meanwhile.
    fn of(path: &Path, head: Option<Head>, explain: bool) -> Option<Self> {
        let bytes = fs::metadata(path).ok()?.blocks() * 512;
        let Some(head) = head else {
            return Some(Self {
                name: shown(path.as_os_str().as_encoded_bytes()),
                bytes,
                state: State::Other,
            });
        };
        let state = match path.extension().and_then(|ending| ending.to_str()) {
            Some("refused") => State::Refused(shown(&head.refusal)),
            Some("bad") => State::Paused(pace::until_used_again(
                &path.with_extension("crashes"),
                pace::now(),
            )),
            _ => State::Image(Image::of(path, &head, explain)),
        };
        Some(Self {
            name: shown(script_of(&head.identity).as_os_str().as_encoded_bytes()),
            bytes,
            state,
        })
    }
}

impl Image {
    fn of(path: &Path, head: &Head, explain: bool) -> Self {
        let mut remarks = Vec::new();
        if !head.unwarmed.is_empty() {
            remarks.push(format!(
                "made without the warm-up: {}",
                shown(&head.unwarmed)
            ));
        }
        for asked in &head.asked {
            remarks.push(format!(
                "while loading, the application used {}, whose answer is not checked for changes",
                shown(asked)
            ));
        }
        for module in &head.drawn {
            remarks.push(format!(
                "while loading, the application drew random bytes (`{}`), which all requests share: draw them when a \
                 request needs them",
                shown(module)
            ));
        }
        let mut steps = Vec::new();
        if explain {
            steps.extend(freshness::watched(head));
            let limit = getrlimit(Resource::Stack).current;
            let restoring = plan(head, limit).unwrap_or_default();
            steps.extend(
                restoring
                    .iter()
                    .map(|step| shown(step.to_string().as_bytes())),
            );
        }
        Self {
            age: pace::now().saturating_sub(head.made),
            requests: pace::counted(&path.with_extension("used")).times,
            watched: head.files.len() + head.looks.len() + head.folders.len(),
            difference: freshness::difference(&head.machine),
            remarks,
            steps,
        }
    }
}

/// As text.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.state {
            State::Other => write!(f, "{name}: made by another version of wsgi-cgi, or damaged"),
            State::Refused(reason) => f.write_str(reason),
            State::Paused(left) => write!(
                f,
                "{name}: image not used for another {left} s: a process restored from it crashed"
            ),
            State::Image(image) => {
                write!(
                    f,
                    "{name}  {} kB  {} min old  {} requests  {} files watched",
                    self.bytes / 1024,
                    image.age / 60,
                    image.requests,
                    image.watched
                )?;
                if let Some(difference) = &image.difference {
                    write!(f, "\n  not usable here: made {difference}")?;
                }
                for line in image.remarks.iter().chain(&image.steps) {
                    write!(f, "\n  {line}")?;
                }
                Ok(())
            }
        }
    }
}

/// How many images there are, and how much of the limit they take.
fn counted(entries: &[Entry]) -> (usize, u64) {
    let is_image = |entry: &&Entry| matches!(entry.state, State::Image(_));
    let images = entries.iter().filter(is_image).count();
    (images, entries.iter().map(|entry| entry.bytes).sum())
}

fn total(folder: &Path, entries: &[Entry]) -> String {
    let (images, bytes) = counted(entries);
    format!(
        "{}, {} kB of at most {} kB in `{}`\n",
        count(images),
        bytes / 1024,
        MOST / 1024,
        shown(folder.as_os_str().as_encoded_bytes())
    )
}

fn total_below(path: &Path, entries: &[Entry]) -> String {
    let (images, bytes) = counted(entries);
    format!(
        "{}, {} kB, of scripts below `{}`\n",
        count(images),
        bytes / 1024,
        shown(path.as_os_str().as_encoded_bytes())
    )
}

fn count(images: usize) -> String {
    let plural = if images == 1 { "" } else { "s" };
    format!("{images} image{plural}")
}

fn json(folder: &Path, entries: &[Entry]) -> String {
    let (images, bytes) = counted(entries);
    let entries: Vec<String> = entries.iter().map(object).collect();
    let list = match entries.join(",\n    ") {
        none if none.is_empty() => none,
        some => format!("\n    {some}\n  "),
    };
    format!(
        "{{\n  \"folder\": {},\n  \"images\": {images},\n  \"bytes\": {bytes},\n  \
         \"limit\": {MOST},\n  \"scripts\": [{list}]\n}}\n",
        quoted(&shown(folder.as_os_str().as_encoded_bytes()))
    )
}

fn object(entry: &Entry) -> String {
    let mut text = format!(
        "{{\"script\": {}, \"bytes\": {}, ",
        quoted(&entry.name),
        entry.bytes
    );
    _ = match &entry.state {
        State::Other => write!(text, "\"state\": \"of another version\""),
        State::Refused(reason) => {
            write!(
                text,
                "\"state\": \"refused\", \"reason\": {}",
                quoted(reason)
            )
        }
        State::Paused(left) => write!(text, "\"state\": \"paused\", \"seconds_left\": {left}"),
        State::Image(image) => write!(
            text,
            "\"state\": \"image\", \"age_seconds\": {}, \"requests\": {}, \"files_watched\": {}, \
             \"usable_here\": {}, \"difference\": {}, \"remarks\": {}, \"steps\": {}",
            image.age,
            image.requests,
            image.watched,
            image.difference.is_none(),
            image.difference.as_deref().map_or("null".into(), quoted),
            texts(&image.remarks),
            texts(&image.steps)
        ),
    };
    text + "}"
}

fn texts(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| quoted(line)).collect();
    format!("[{}]", lines.join(", "))
}
