//! Images that are broken, or not ours: the request is answered all the same, once and by the code
//! that is there.

use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::machine::Head;
use super::{HELLO, Site, is_file};

/// A site with an image in the place of which no other is made, as somebody is at it.
pub(super) fn made() -> (Site, Vec<u8>) {
    let site = Site::new(HELLO);
    site.make();
    let lock = std::fs::File::open(site.image().with_extension("lock")).expect("a lock");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    std::mem::forget(lock);
    let image = std::fs::read(site.image()).expect("an image");
    (site, image)
}

/// Writes an image that has the time of the one that was there, as if nobody had.
pub(super) fn forge(path: &Path, image: &[u8]) {
    let time = std::fs::metadata(path).expect("an image").modified();
    std::fs::write(path, image).expect("written");
    let file = std::fs::File::options().write(true).open(path);
    let forged = file.and_then(|file| file.set_modified(time?));
    forged.expect("a time set");
}

/// The request is answered by the cold program. No other image is made meanwhile.
#[track_caller]
fn is_cold(site: &Site) {
    let answer = site.request().logs("answered without an image").run();
    assert_eq!(answer.text(), "cold");
}

#[test]
fn a_head_that_is_cut_or_changed() {
    let (site, image) = made();
    let path = site.image();
    let head = usize::try_from(u64::from_le_bytes(image[8..16].try_into().expect("eight")))
        .expect("a length");
    let at_pages = (0..head + 4096).step_by(4096);
    let elsewhere = [
        1,
        23,
        24,
        100,
        4095,
        head - 1,
        image.len() / 2,
        image.len() - 1,
    ];
    for length in at_pages.chain(elsewhere) {
        forge(&path, &image[..length]);
        is_cold(&site);
    }
    for place in (0..24 + head).step_by(head / 40) {
        let mut other = image.clone();
        other[place] ^= 0x10;
        forge(&path, &other);
        is_cold(&site);
    }
    forge(&path, &image);
    assert_eq!(site.restored(), "restored");
}

#[test]
fn a_head_that_is_cut_or_changed_anywhere() {
    let (site, image) = made();
    let path = site.image();
    let head = Head::length(&image).expect("an image");
    let chance = RandomState::new();
    for round in 0..12 {
        // What a failure shows is enough to see it again.
        let number = usize::try_from(chance.hash_one(round)).expect("64 bits");
        let length = number % image.len();
        forge(&path, &image[..length]);
        assert_eq!(site.cold("the image is damaged"), "cold", "cut at {length}");
        let (place, bit) = (number % head, number >> 32 & 7);
        let mut other = image.clone();
        other[place] ^= 1 << bit;
        forge(&path, &other);
        assert_eq!(site.cold(""), "cold", "bit {bit} of {place}");
    }
}

#[test]
fn a_page_that_somebody_wrote_to() {
    let (site, mut image) = made();
    let middle = image.len() / 2;
    image[middle] ^= 1;
    std::fs::write(site.image(), image).expect("written");
    assert_eq!(site.cold("the image is damaged"), "cold");
}

#[test]
fn pages_that_broke_unseen() {
    let (site, mut image) = made();
    let head = usize::try_from(u64::from_le_bytes(image[8..16].try_into().expect("eight")))
        .expect("a length");
    image[head.next_multiple_of(4096)..].fill(0xa5);
    let path = site.image();
    forge(&path, &image);
    assert_eq!(site.cold("the restored process could not start"), "cold");
    assert!(!path.exists(), "it is not used again");
    is_cold(&site);
}

#[test]
fn an_image_that_others_can_reach() {
    let (site, _) = made();
    let path = site.image();
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
    };
    set(&path, 0o644);
    is_cold(&site);
    set(&path, 0o600);
    set(&site.cache(), 0o770);
    is_cold(&site);
    set(&site.cache(), 0o700);
    assert_eq!(site.restored(), "restored");
    let elsewhere = site.file("elsewhere");
    std::fs::rename(&path, &elsewhere).expect("moved");
    symlink(&elsewhere, &path).expect("a link");
    is_cold(&site);
    if rustix::process::geteuid().is_root() {
        std::fs::remove_file(&path).expect("removed");
        std::fs::rename(&elsewhere, &path).expect("moved");
        std::os::unix::fs::chown(&path, Some(65_534), None).expect("another's");
        is_cold(&site);
    }
}

#[test]
fn an_image_of_another_application() {
    let (site, _) = made();
    let other = Site::new(HELLO);
    other.make();
    let path = other.image();
    std::fs::copy(site.image(), &path).expect("copied");
    let time = std::fs::metadata(site.image()).and_then(|about| about.modified());
    let copy = std::fs::File::options().write(true).open(path);
    let set = copy.and_then(|copy| copy.set_modified(time?));
    set.expect("a time set");
    assert_eq!(
        other.cold("the image belongs to another application"),
        "cold"
    );
}

#[test]
fn a_process_that_dies_answers_and_takes_its_image_with_it() {
    let site = Site::new(
        "import os\ndef application(environ, start_response):\n    \
         if environ['QUERY_STRING'] == 'die': os.abort()\n    start_response('200 OK', [])\n    \
         return [b'alive']\n",
    );
    site.make();
    assert_eq!(site.restored(), "alive");
    let answer = site
        .request()
        .variable("QUERY_STRING", "die")
        .exits(134)
        .logs("the process was killed by SIGABRT")
        .run();
    assert_eq!(answer.status, "500 Internal Server Error");
    assert!(site.kept("image").is_empty());
    assert!(site.kept("bad").iter().all(|path| is_file(path)));
    assert_eq!(site.cold("a restored process crashed"), "alive");
    assert!(
        site.kept("image").is_empty(),
        "no other is made of the same"
    );
}
