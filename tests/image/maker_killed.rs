//! The process that makes an image is killed at each of its stages: requests are answered as if it
//! had never begun, and the next one makes an image.

use super::{Site, eventually};

/// The maker, or what it has started, kills itself at the stage that a file names.
const DYING: &str = r"
import os, signal
maker = os.getpid()
def stage(name, victim=None):
    if not os.path.exists('die-' + name): return
    if b'\0load\0' in open('/proc/%d/cmdline' % (victim or maker), 'rb').read():
        os.rename('die-' + name, 'died')
        os.kill(victim or maker, signal.SIGKILL)
stage('loading')
os.register_at_fork(before=lambda: stage('writing'), after_in_parent=lambda: stage('written'),
                    after_in_child=lambda: stage('trying', os.getppid()))
def application(environ, start_response):
    start_response('200 OK', [])
    return [b'answered']
";

/// Files of the maker's that are left behind at that stage.
fn dies(stage: &str, left: &[&str]) {
    let site = Site::new(DYING);
    std::fs::write(site.file(&format!("die-{stage}")), "").expect("written");
    assert_eq!(site.cold("there is no image yet"), "answered");
    eventually("it dies", || site.file("died").is_file());
    assert!(site.kept("image").is_empty());
    for ending in ["lock", "new", "refused", "bad"] {
        let is_left = left.contains(&ending);
        assert_eq!(site.kept(ending).is_empty(), !is_left, "{stage}: {ending}");
    }
    assert_eq!(site.cold("there is no image yet"), "answered");
    site.settles("answered");
    site.image();
    eventually("nothing is left", || site.kept("new").is_empty());
}

#[test]
fn while_it_loads_the_application() {
    dies("loading", &["lock"]);
}

#[test]
fn before_the_first_page_is_written() {
    dies("writing", &["lock", "new"]);
}

#[test]
fn when_all_pages_are_written() {
    dies("written", &["lock", "new"]);
}

#[test]
fn during_the_trial() {
    dies("trying", &["lock", "new"]);
}

#[test]
fn its_leftovers_are_not_used_as_an_image() {
    let site = Site::new(DYING);
    std::fs::write(site.file("die-written"), "").expect("written");
    site.cold("there is no image yet");
    eventually("it dies", || site.file("died").is_file());
    // Whole, but nobody has seen a process that was restored from it.
    let new = site.kept("new").pop().expect("what it wrote");
    std::fs::rename(&new, new.with_extension("image")).expect("moved");
    assert_eq!(site.cold("the image is damaged"), "answered");
    site.settles("answered");
}
