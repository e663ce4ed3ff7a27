//! Which folder a user's images and compiled modules are in: the one that is named; else the one in the
//! user's own cache; else, where the home cannot be written (as is usual for a web server's user), the user's
//! folder in a store that an administrator creates once for all users.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::place;

/// The store. Only root can create it, and its path is fixed: who could choose another could make a user load
/// images from another user's folder.
const STORE: &str = "/var/cache/wsgi-cgi";

/// Creates the store: each user may add a folder, and cannot list, remove or rename those of others.
const REMEDY: &str = "sudo install -d -m 1733 /var/cache/wsgi-cgi";

/// A folder that was looked for.
#[derive(Debug)]
pub struct Found {
    /// Its path, whether it exists or not.
    pub folder: PathBuf,
    /// Whether it exists, is owned by this user and closed to others.
    pub looked: io::Result<()>,
    /// The alternative in the store; `None` where the folder was named.
    other: Option<Other>,
}

#[derive(Debug)]
struct Other {
    /// Why the folder cannot be in the user's cache, if so.
    unless: Option<String>,
    /// The user's folder in the store, or why it cannot be used.
    store: Result<PathBuf, String>,
}

/// Looks for the folder, which may have been named; creates none. Refuses folders below one of `roots`, as a
/// server publishes what is there.
///
/// # Errors
/// Why none can be used.
pub fn find(
    named: Option<PathBuf>,
    variable: impl Fn(&str) -> Option<OsString>,
    roots: &[Option<&[u8]>],
) -> Result<Found, String> {
    let found = |folder: PathBuf| Found {
        looked: look(&folder),
        folder,
        other: None,
    };
    let published = |folder: &Path| place::is_published(folder, roots);
    if let Some(folder) = named {
        return match published(&folder) {
            Some(why) => Err(why),
            None => Ok(found(folder)),
        };
    }
    let own = place::of_the_user(&variable).map(found);
    let is_good = |own: &Found| own.looked.is_ok() && published(&own.folder).is_none();
    let own = match own {
        Some(own) if is_good(&own) => return Ok(own),
        own => own,
    };
    let folder = Path::new(STORE).join(user().to_string());
    let store = look_at_store().and_then(|()| match published(&folder) {
        Some(why) => Err(why),
        None => Ok(folder.clone()),
    });
    let common = store.clone().map(found);
    if let Ok(common) = common
        && common.looked.is_ok()
    {
        return Ok(common);
    }
    let (own, unless) = match own.map(|own| (published(&own.folder), own)) {
        Some((None, own)) => (own, None),
        Some((why, _)) => (nothing_at(folder), why),
        None => (
            nothing_at(folder),
            Some("this user has no home directory".into()),
        ),
    };
    let other = Some(Other { unless, store });
    Ok(Found { other, ..own })
}

fn nothing_at(folder: PathBuf) -> Found {
    Found {
        folder,
        looked: Err(io::ErrorKind::NotFound.into()),
        other: None,
    }
}

impl Found {
    /// The folder; creates it, closed to others, where it does not exist.
    ///
    /// # Errors
    /// Why there is none, and what to do.
    pub fn make(&self) -> Result<PathBuf, String> {
        if self.looked.is_ok() {
            return Ok(self.folder.clone());
        }
        let here = || match place::make(&self.folder) {
            Ok(()) => Ok(self.folder.clone()),
            Err(error) => Err(format!("`{}`: {error}", self.folder.display())),
        };
        let Some(Other { unless, store }) = &self.other else {
            return here().map_err(|why| {
                let user = user();
                format!(
                    "{why}: it must be a folder owned by UID {user} and closed to other \
                         users (mode 700)"
                )
            });
        };
        let why = match unless {
            Some(why) => why.clone(),
            None => match here() {
                Ok(folder) => return Ok(folder),
                Err(why) => why,
            },
        };
        let made = store.clone().and_then(make_in_store);
        made.map_err(|also| format!("{why}, and {also}"))
    }
}

/// Whether a folder exists, is owned by this user and closed to others.
fn look(folder: &Path) -> io::Result<()> {
    let about = fs::symlink_metadata(folder)?;
    if about.is_dir() && place::is_ours(&about) {
        Ok(())
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// Whether the store is safe: only root can replace a user's folder in it.
fn look_at_store() -> Result<(), String> {
    let about = match fs::symlink_metadata(STORE) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!(
                "`{STORE}`, the folder for users without a writable home, does not exist: run `{REMEDY}`"
            ));
        }
        Err(error) => return Err(format!("`{STORE}`: {error}")),
    };
    let is_safe = about.mode() & 0o022 == 0 || about.mode() & libc::S_ISVTX != 0;
    if about.is_dir() && about.uid() == 0 && is_safe {
        return Ok(());
    }
    Err(format!(
        "`{STORE}` must be a folder owned by root, where users cannot replace each other's \
         folders (sticky bit): remove it, then run `{REMEDY}`"
    ))
}

/// Creates this user's folder in the store, which was checked before.
fn make_in_store(folder: PathBuf) -> Result<PathBuf, String> {
    let shown = folder.display();
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(format!(
                "cannot create `{shown}`: run `{REMEDY}`, which lets each user create a folder there"
            ));
        }
        Err(error) => return Err(format!("`{shown}`: {error}")),
    }
    match look(&folder) {
        Ok(()) => Ok(folder),
        Err(_) => Err(format!(
            "`{shown}` must be a folder owned by UID {} and closed to other users: remove it \
             with `sudo rm -r {shown}`",
            user()
        )),
    }
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}
