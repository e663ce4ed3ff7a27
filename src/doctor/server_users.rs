//! The users that web servers run as on Linux distributions, and whether one of them may read a file.

use std::fs;
use std::os::unix::fs::MetadataExt;

const NAMES: [&str; 6] = ["www-data", "apache", "nginx", "http", "lighttpd", "wwwrun"];

/// Whether such a user of this machine may read the file: by its mode for others, its group or its owner.
pub(super) fn may_read(about: &fs::Metadata) -> bool {
    let mode = about.mode();
    let list = |path| fs::read_to_string(path).unwrap_or_default();
    mode & 0o004 != 0
        || mode & 0o440 != 0
            && users(&list("/etc/passwd"), &list("/etc/group"))
                .iter()
                .any(|user| {
                    if user.id == about.uid() {
                        mode & 0o400 != 0
                    } else {
                        mode & 0o040 != 0 && user.groups.contains(&about.gid())
                    }
                })
}

/// A user, by the numbers.
#[derive(Debug, PartialEq, Eq)]
struct User {
    id: u32,
    groups: Vec<u32>,
}

/// Those users, by the texts of `/etc/passwd` and `/etc/group`.
fn users(passwd: &str, group: &str) -> Vec<User> {
    let fields = |line: &'_ str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let known = passwd.lines().map(fields);
    let known = known.filter(|user| NAMES.contains(&&*user[0]));
    let user = |user: Vec<String>| {
        let of_others = group.lines().map(fields).filter_map(|group| {
            let mut members = group.get(3)?.split(',');
            members
                .any(|member| member == user[0])
                .then(|| group[2].parse().ok())?
        });
        let own = user.get(3)?.parse().ok()?;
        Some(User {
            id: user[2].parse().ok()?,
            groups: [own].into_iter().chain(of_others).collect(),
        })
    };
    known.filter_map(user).collect()
}
