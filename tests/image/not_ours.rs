//! Images and folders that somebody else has had a hand in, or might have: none is restored, and
//! none is written there.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::Command;

use super::broken::made;
use super::{HELLO, Site, eventually};
use crate::harness::cgi::Cgi;
use crate::harness::skip;

/// The number of a user who has nothing.
const NOBODY: u32 = 65_534;

/// A site with programs that everybody can reach; none where nobody can act as another user.
fn shared() -> Option<Site> {
    if !rustix::process::geteuid().is_root() {
        skip("only root can act as another user");
        return None;
    }
    let site = Site::new(HELLO);
    site.with_own_programs();
    Some(site)
}

/// The request by another user.
fn by_nobody(site: &Site) -> Cgi {
    let request = site.request().program("setpriv");
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    request.arguments(&user).argument(site.script())
}

/// The request is cold, and the log says that something is not as it should be.
#[track_caller]
fn denied(site: &Site) {
    // No note keeps a request from saying again what the last one said.
    let request = site.request().variable("TMPDIR", "/nowhere");
    let answer = request.logs("permission denied").run();
    assert_eq!(answer.text(), "cold");
}

#[test]
fn another_users_folder() {
    let Some(site) = shared() else { return };
    site.make();
    let answer = by_nobody(&site).logs("permission denied").run();
    assert_eq!(answer.text(), "cold");
    // Nor one in which that user may do anything.
    chown(site.cache(), Some(NOBODY), None).expect("given away");
    assert_eq!(site.cold(""), "cold");
    fs::remove_file(site.image()).expect("removed");
    denied(&site);
    assert!(site.kept("lock").len() <= 1 && site.kept("new").is_empty());
}

#[test]
fn each_user_has_an_image() {
    let Some(site) = shared() else { return };
    let own = site.file("own");
    fs::create_dir(&own).expect("a folder");
    chown(&own, Some(NOBODY), Some(NOBODY)).expect("given away");
    fs::set_permissions(&own, Permissions::from_mode(0o700)).expect("a mode");
    let request = || by_nobody(&site).variable("WSGI_CGI_CACHE_DIR", &own);
    eventually("an image of that user's", || {
        request().logs_anything().run().text() == "restored"
    });
    // Handed to this user, with everything as it was, it is still that user's.
    site.make();
    let theirs = fs::read_dir(&own).expect("a folder");
    let theirs = theirs
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|ending| ending == "image"));
    let theirs = theirs.expect("an image");
    let time = fs::metadata(&theirs).and_then(|about| about.modified());
    fs::copy(&theirs, site.image()).expect("copied");
    let image = fs::File::options().write(true).open(site.image());
    let set = image.and_then(|image| image.set_modified(time?));
    set.expect("a time set");
    assert_eq!(site.cold("the image was made by another user"), "cold");
}

#[test]
fn a_folder_that_is_a_link_or_open_to_others() {
    let (site, _) = made();
    let elsewhere = site.file("elsewhere");
    fs::rename(site.cache(), &elsewhere).expect("moved");
    symlink(&elsewhere, site.cache()).expect("a link");
    denied(&site);
    fs::remove_file(site.cache()).expect("removed");
    fs::rename(&elsewhere, site.cache()).expect("moved");
    for mode in [0o777, 0o1777, 0o750, 0o702, 0o701] {
        fs::set_permissions(site.cache(), Permissions::from_mode(mode)).expect("a mode");
        denied(&site);
    }
    fs::set_permissions(site.cache(), Permissions::from_mode(0o700)).expect("a mode");
    assert_eq!(site.restored(), "restored");
}

#[test]
fn no_image_is_made_in_a_folder_that_others_can_write() {
    let site = Site::new(HELLO);
    fs::create_dir(site.cache()).expect("a folder");
    fs::set_permissions(site.cache(), Permissions::from_mode(0o777)).expect("a mode");
    denied(&site);
    assert!(!site.command(&["make", "app.cgi"]).status.success());
    let left = fs::read_dir(site.cache()).expect("a folder").count();
    assert_eq!(left, 0);
}

#[test]
fn something_that_is_not_a_regular_file() {
    let (site, image) = made();
    let path = site.image();
    fs::remove_file(&path).expect("removed");
    let made = Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(&path)
        .status();
    assert!(made.expect("mkfifo").success());
    denied(&site);
    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("a folder");
    fs::set_permissions(&path, Permissions::from_mode(0o700)).expect("a mode");
    denied(&site);
    fs::remove_dir(&path).expect("removed");
    // An image that is written anew has its own time.
    fs::write(&path, &image).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
    assert_eq!(site.cold("the image is damaged"), "cold");
}
