//! The reason that was logged last for answering without an image: a lasting reason is logged once, not at each
//! request. As each request has a process of its own, the reason is kept in a file beside the application's images.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::place::is_ours;
use super::store::{MAGIC, remove};

/// Longer reasons are logged at each request.
const LONGEST: u64 = 16 << 10;

/// Whether this reason was logged before; notes that it is logged now. If the note cannot be written, the reason is
/// logged again at the next request. Digits are ignored, as pipes, sockets and processes get new numbers each time.
#[must_use]
pub fn is_known(path: &Path, reason: &str) -> bool {
    let text = [MAGIC, b"\n", reason.as_bytes()].concat();
    if read(path).is_some_and(|known| without_digits(&known).eq(without_digits(&text))) {
        return true;
    }
    remove(path);
    let mut options = File::options();
    let new = options.write(true).create_new(true).mode(0o600);
    if let Ok(mut file) = new.open(path)
        && file.write_all(&text).is_err()
    {
        remove(path);
    }
    false
}

fn without_digits(text: &[u8]) -> impl Iterator<Item = &u8> {
    text.iter().filter(|byte| !byte.is_ascii_digit())
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut options = File::options();
    let options = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.read(true).open(path).ok()?;
    let about = file.metadata().ok()?;
    if !about.is_file() || !is_ours(&about) {
        return None;
    }
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SAID;

    #[test]
    fn a_reason_is_known_until_another_one_follows() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(format!("{:032x}.{SAID}", 7));
        for (reason, known) in [
            ("a", false),
            ("a", true),
            ("ab", false),
            ("a pipe:[7]", false),
            ("a pipe:[12]", true),
        ] {
            assert_eq!(is_known(&path, reason), known, "{reason}");
        }
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(format!("{:032x}.{SAID}", 7));
        std::fs::write(&path, "theirs").expect("a file");
        assert!(!is_known(&path, "a") && !is_known(&path, "a"));
        assert_eq!(std::fs::read(&path).expect("a file"), b"theirs");
    }
}
