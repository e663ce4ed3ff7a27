//! What an image depends on in the file system, derived from the system calls seen while the application was
//! loaded. How a path was looked at decides which changes count. Look-ups of the import system are covered by
//! the sources and folders that are watched anyway.

use std::collections::{HashMap, HashSet};

use anyhow::{Result, bail};

use super::format::{How, Look, Stamp};
use super::observer::seen::{Hidden, Looks, Seen};
use super::{freshness, maps, process_state};

/// How often Python's own code looked up a path, and for which purpose: the observer sees only the system calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The import system, which looks for modules.
    pub by_imports: u64,
    /// `os.path.exists` and the like, which tell only whether it exists and its type.
    pub for_its_kind: u64,
    /// All other code in Python.
    pub for_all: u64,
}

impl Asked {
    fn total(self) -> u64 {
        self.by_imports + self.for_its_kind + self.for_all
    }
}

/// Look-ups as Python itself counted them.
#[derive(Clone, Debug, Default)]
pub struct Askers {
    /// `os.stat` of each path.
    pub stat: HashMap<Vec<u8>, Asked>,
    /// `os.lstat` of each path.
    pub lstat: HashMap<Vec<u8>, Asked>,
    /// How often the import system listed a folder.
    pub listed: HashMap<Vec<u8>, u64>,
}

/// What is watched.
#[derive(Debug, Default)]
pub struct Watched {
    /// Files whose content was read.
    pub files: Vec<Vec<u8>>,
    /// Paths that were looked up.
    pub looks: Vec<Look>,
    /// Folders that were listed, not only by the import system.
    pub folders: Vec<Vec<u8>>,
    /// Paths that the loading process wrote and nobody has changed since.
    pub own: Vec<Vec<u8>>,
    /// Folders where the loading process created something.
    pub filled: HashSet<Vec<u8>>,
    /// Paths of which only the existence was asked.
    pub only_looked_for: Vec<Vec<u8>>,
    /// Paths that the loading process looked at and then changed: the next one would find them changed.
    pub rewritten: Vec<Vec<u8>>,
    /// Paths that another process created or removed while the application was loaded.
    pub changed: Vec<Vec<u8>>,
}

/// Whether a path is of a kernel file system: such files have no time that shows a change.
#[must_use]
pub fn is_of_the_kernel(path: &[u8]) -> bool {
    [&b"/proc/"[..], b"/sys/", b"/dev/"]
        .iter()
        .any(|start| path.starts_with(start))
        || [&b"/proc"[..], b"/sys", b"/dev"].contains(&path)
}

/// Whether this kernel lets the state be read later; older ones do not.
fn can_be_asked(what: Hidden) -> bool {
    match what {
        Hidden::Guards => maps::shows_guards(),
        Hidden::Barriers => process_state::shows_barriers(),
        _ => false,
    }
}

/// The devices that return random bytes.
pub const RANDOM_DEVICES: [&[u8]; 2] = [b"/dev/random", b"/dev/urandom"];

/// What is to be watched of what was seen; nothing in `store`, this program's own folder. `device_reads` is the
/// number of reads of random devices that are known to be harmless.
///
/// # Errors
/// For what cannot be watched, or must not be shared by requests.
pub fn watched(
    seen: &Seen,
    askers: &Askers,
    databases: &[Vec<u8>],
    device_reads: u64,
    store: &[u8],
) -> Result<Watched> {
    let mut watched = Watched::default();
    if let Some(what) = seen.hidden.iter().find(|what| !can_be_asked(**what)) {
        bail!("while loading, the application {}", what.words());
    }
    for (path, looks) in &seen.paths {
        if path.starts_with(b"/proc/") && path.ends_with(b"/environ") {
            bail!(
                "while loading, the application reads `{}`, which holds the variables of one request: \
                 read them when a request needs them",
                path.escape_ascii()
            );
        }
        // SQLite's generator is reset.
        if RANDOM_DEVICES.contains(&&path[..]) && looks.opened > device_reads {
            bail!(
                "while loading, the application reads random bytes from `{}`, which all requests would share: \
                 read them when a request needs them",
                path.escape_ascii()
            );
        }
        let is_ours = path
            .strip_prefix(store)
            .is_some_and(|rest| rest.first().is_none_or(|&byte| byte == b'/'));
        // SQLite's own looks at a database, and its journals, which come and go.
        let database = databases
            .iter()
            .find_map(|known| path.strip_prefix(&known[..]));
        let looks = match database {
            Some(b"") => &Looks {
                opened: 0,
                asked: askers.stat.get(path).map_or(0, |asked| asked.total()),
                asked_itself: 0,
                tried: 0,
                ..looks.clone()
            },
            Some(b"-journal" | b"-wal" | b"-shm") => continue,
            _ => looks,
        };
        if !is_of_the_kernel(path) && !is_ours {
            watch(&mut watched, path, looks, askers);
        }
    }
    leave_out_implied(&mut watched);
    Ok(watched)
}

/// Drops checks for existence that others imply: a watched file exists, and so do the folders above it.
fn leave_out_implied(watched: &mut Watched) {
    let files = watched.files.iter();
    let there = files.filter(|path| freshness::stamp_of(path).is_some());
    let mut implied: HashSet<&[u8]> = HashSet::new();
    for path in there {
        let mut end = path.len();
        while implied.insert(&path[..end]) {
            match path[..end].iter().rposition(|&byte| byte == b'/') {
                Some(slash) if slash > 0 => end = slash,
                _ => break,
            }
        }
    }
    let looked_for: HashSet<&[u8]> = watched.only_looked_for.iter().map(Vec::as_slice).collect();
    watched.looks.retain(|look| {
        let is_only_there = look.how == How::Kind && look.stamp != Stamp::default();
        let is_implied = implied.contains(look.path.as_slice());
        !(is_only_there && is_implied && looked_for.contains(look.path.as_slice()))
    });
}

fn watch(watched: &mut Watched, path: &[u8], looks: &Looks, askers: &Askers) {
    let now = freshness::look_at(path, How::Whole);
    let is_there = now != Stamp::default();
    if let Some(own) = looks.own {
        if own == now {
            watched.own.push(path.to_vec());
        }
        if let Some(slash) = path.iter().rposition(|&byte| byte == b'/') {
            watched.filled.insert(path[..slash].to_vec());
        }
        let reads_all = reads_all(path, looks, askers);
        let is_otherwise = |first: Stamp, now: Stamp| {
            let is_there = |stamp| stamp != Stamp::default();
            is_there(first) != is_there(now) || reads_all && first != now
        };
        let itself = freshness::look_at(path, How::Link);
        let changes = is_otherwise(looks.first, now) || is_otherwise(looks.first_itself, itself);
        if looks.looked && changes && !is_compiled(path) {
            watched.rewritten.push(path.to_vec());
        }
        // A temporary file: another process will have its own.
        if !is_there && looks.asked + looks.asked_itself + looks.read_link + looks.tried == 0 {
            return;
        }
    } else if (looks.first != Stamp::default()) != is_there {
        watched.changed.push(path.to_vec());
    }
    let listed = looks.listed > askers.listed.get(path).copied().unwrap_or(0);
    if listed {
        watched.folders.push(path.to_vec());
    }
    let is_folder = is_there && is_folder(path);
    if looks.opened > 0 && !is_folder {
        watched.files.push(path.to_vec());
    }
    let looks_at = |how| Look {
        path: path.to_vec(),
        how,
        stamp: freshness::look_at(path, how),
    };
    let of = |map: &HashMap<Vec<u8>, Asked>| map.get(path).copied().unwrap_or_default();
    let (stat, lstat) = (of(&askers.stat), of(&askers.lstat));
    // C libraries rarely look at a folder's time, but often at its type.
    let in_c = looks.asked > stat.total();
    let is_whole = stat.for_all > 0 || in_c && !is_folder;
    if is_whole {
        if looks.opened == 0 || is_folder {
            watched.looks.push(looks_at(How::Whole));
        }
    } else if in_c || stat.for_its_kind > 0 || looks.tried > 0 || looks.opened > 0 && is_folder {
        watched.looks.push(looks_at(How::Kind));
        if !in_c && looks.tried == 0 {
            watched.only_looked_for.push(path.to_vec());
        }
    } else if stat.by_imports > 0 && !is_there && !is_of_a_package(path) {
        // A folder may become a package.
        watched.looks.push(looks_at(How::Kind));
    }
    let itself_in_c = looks.asked_itself > lstat.total();
    let is_link = is_link(path);
    if looks.read_link > 0 && is_link || lstat.for_all > 0 || itself_in_c && !is_folder {
        watched.looks.push(looks_at(How::Link));
    } else if looks.read_link > 0 || itself_in_c || lstat.for_its_kind > 0 {
        watched
            .looks
            .push(looks_at(if is_link { How::Link } else { How::LinkKind }));
    }
}

/// Whether more than the existence of a file (not a folder) was asked.
fn reads_all(path: &[u8], looks: &Looks, askers: &Askers) -> bool {
    let of = |map: &HashMap<Vec<u8>, Asked>| map.get(path).copied().unwrap_or_default();
    let (stat, lstat) = (of(&askers.stat), of(&askers.lstat));
    !is_folder(path)
        && (looks.opened > 0
            || looks.read_link > 0
            || stat.for_all + lstat.for_all > 0
            || looks.asked > stat.total()
            || looks.asked_itself > lstat.total())
}

/// Whether this is compiled code, or its folder, which the import system writes: that does not change what is
/// imported.
fn is_compiled(path: &[u8]) -> bool {
    path.ends_with(b"/__pycache__") || memchr::memmem::find(path, b".pyc").is_some()
}

/// Whether the import system looks for this variant of `__init__` in a package that has an `__init__.py`.
fn is_of_a_package(path: &[u8]) -> bool {
    let slash = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    let (folder, name) = path.split_at(slash);
    name.starts_with(b"/__init__.")
        && freshness::stamp_of(&[folder, b"/__init__.py"].concat()).is_some()
}

fn is_folder(path: &[u8]) -> bool {
    mode(path, How::Kind) == libc::S_IFDIR
}

fn is_link(path: &[u8]) -> bool {
    mode(path, How::LinkKind) == libc::S_IFLNK
}

fn mode(path: &[u8], how: How) -> libc::mode_t {
    let mode = freshness::look_at(path, how).size;
    libc::mode_t::try_from(mode).unwrap_or(0) & libc::S_IFMT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(looks: Looks, asked: Asked, path: &str) -> Watched {
        let seen = Seen {
            paths: [(path.into(), looks)].into(),
            ..Seen::default()
        };
        let askers = Askers {
            stat: HashMap::from([(path.into(), asked)]),
            ..Askers::default()
        };
        watched(&seen, &askers, &[], 0, b"/store").expect("what is watched")
    }

    #[test]
    fn lookups_of_the_import_system_are_not_watched_twice() {
        let looks = Looks {
            asked: 2,
            ..Looks::default()
        };
        let imports = |by_imports| Asked {
            by_imports,
            ..Asked::default()
        };
        assert!(
            one(looks.clone(), imports(2), "/etc/passwd")
                .looks
                .is_empty()
        );
        // A C library looked it up too.
        let looks = one(looks, imports(1), "/etc/passwd").looks;
        assert_eq!(looks[0].how, How::Whole);
    }

    #[test]
    fn the_content_of_a_folder_may_change_where_only_its_existence_was_asked() {
        let looks = Looks {
            asked: 1,
            ..Looks::default()
        };
        let asked = Asked {
            for_its_kind: 1,
            ..Asked::default()
        };
        assert_eq!(one(looks, asked, "/etc").looks[0].how, How::Kind);
    }

    #[test]
    fn a_missing_file_is_watched() {
        let looks = |missing: bool| Looks {
            tried: 1,
            first: Stamp {
                inode: u64::from(!missing),
                ..Stamp::default()
            },
            ..Looks::default()
        };
        let none = "/etc/there/is/none";
        let watched = one(looks(true), Asked::default(), none);
        assert_eq!(watched.looks[0].stamp, Stamp::default());
        assert!(watched.changed.is_empty());
        assert_eq!(one(looks(false), Asked::default(), none).changed.len(), 1);
    }

    #[test]
    fn the_folder_for_images_is_not_watched() {
        let looks = || Looks {
            opened: 1,
            ..Looks::default()
        };
        assert!(one(looks(), Asked::default(), "/store/x").files.is_empty());
        assert!(!one(looks(), Asked::default(), "/stores").files.is_empty());
    }
}
