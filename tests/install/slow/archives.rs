//! What `scripts/wheel.d/archives.py` makes of the wheel for those who have no pip.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{answers, is_a_module_of, own_prefix, wheel};
use crate::harness::{folder, python};

/// The files, in the order in which they are named: the folder twice, and the single file.
#[track_caller]
fn made(wheel: &Path, folder: &Path) -> Vec<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/wheel.d/archives.py");
    let output = Command::new(python())
        .arg("-B")
        .arg(script)
        .args([wheel, folder])
        .env_clear()
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .output()
        .expect("python");
    assert!(output.status.success(), "{output:?}");
    let names = String::from_utf8(output.stdout).expect("text");
    names.lines().map(PathBuf::from).collect()
}

/// The most that an upload of the folder takes.
const MOST: u64 = 3_000_000;

#[test]
fn they_are_small_and_the_same_each_time() {
    let Some(wheel) = wheel() else { return };
    let (one, other) = (folder(), folder());
    let (first, second) = (made(wheel, one.path()), made(wheel, other.path()));
    let names: Vec<_> = first.iter().map(|file| file.file_name()).collect();
    let stem = format!("wsgi-cgi-{}-x86_64", env!("CARGO_PKG_VERSION"));
    let wanted = [".tar.gz", ".zip", ""].map(|ending| format!("{stem}{ending}"));
    assert_eq!(names, wanted.each_ref().map(|name| Some(name.as_ref())));
    for (one, other) in first.iter().zip(&second) {
        let (one_bytes, other_bytes) = (fs::read(one), fs::read(other));
        assert!(
            one_bytes.expect("read") == other_bytes.expect("read"),
            "{one:?}"
        );
    }
    for packed in &first[..2] {
        let length = fs::metadata(packed).expect("a file").len();
        assert!(length <= MOST, "{packed:?} has {length} bytes");
    }
}

#[test]
fn each_answers() {
    let Some(wheel) = wheel() else { return };
    let place = folder();
    let made = made(wheel, place.path());
    for packed in &made[..2] {
        let folder = place.path().join("unpacked");
        let done = Command::new(python())
            .args([
                "-c",
                "import shutil, sys; shutil.unpack_archive(*sys.argv[1:])",
            ])
            .args([packed, &folder])
            .output()
            .expect("python");
        assert!(done.status.success(), "{done:?}");
        // As an upload leaves it.
        let done = Command::new("sh")
            .args([
                "-ec",
                "find \"$1\" -type f -exec chmod 644 {} +; chmod 755 \"$1/wsgi-cgi\"",
                "sh",
            ])
            .arg(folder.join("wsgi-cgi"))
            .output()
            .expect("sh");
        assert!(done.status.success(), "{done:?}");
        answers(&folder.join("wsgi-cgi/wsgi-cgi"), &own_prefix());
        is_a_module_of(
            python().as_ref(),
            &[("PYTHONPATH", &folder.join("wsgi-cgi"))],
        );
        let readme = fs::read_to_string(folder.join("wsgi-cgi/README")).expect("read");
        assert!(readme.contains("chmod 755 wsgi-cgi"), "{readme}");
        fs::remove_dir_all(&folder).expect("removed");
    }
    // It is laid into the home of the user who runs the tests, as into any other's: that is named here.
    let script = super::script(place.path(), &made[2]);
    let request = crate::harness::cgi::Cgi::bare().program(script);
    let request = request.variable("HOME", place.path());
    assert_eq!(request.run().text(), own_prefix().display().to_string());
}
