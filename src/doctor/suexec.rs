//! Whether this machine's suEXEC would run the script, by the values that it was built with
//! (<https://httpd.apache.org/docs/2.4/suexec.html>, options of configure): it prints them for root and for the
//! server's user. Whether the server uses it cannot be seen from here, so nothing is called wrong.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::finding::Finding;
use super::{Case, is_executable, typed};

/// Where systems have it: Debian, Fedora, SUSE, from source.
const PLACES: [&str; 4] = [
    "/usr/lib/apache2/suexec",
    "/usr/sbin/suexec",
    "/usr/sbin/suexec2",
    "/usr/local/apache2/bin/suexec",
];

/// Where Debian's `suexec-custom` reads what others have built in: the document root, then the folder in homes.
const CUSTOM: &str = "/etc/apache2/suexec/www-data";

/// What it runs.
#[derive(Default, PartialEq, Eq)]
struct Values {
    document_root: Option<PathBuf>,
    /// The folder for pages in a user's home.
    in_homes: Option<String>,
    least_user: Option<u32>,
    least_group: Option<u32>,
}

/// Looks at it.
pub(super) fn look(script: &Path, case: &Case, findings: &mut Vec<Finding>) {
    // A server that has started this page has decided.
    if case.is_page {
        return;
    }
    let Ok(about) = fs::metadata(script) else {
        return; // `script_file` reports that.
    };
    let places = PLACES.iter().map(Path::new);
    let here = places.filter(|place| is_executable(place));
    for suexec in here {
        let values = values_of(suexec, case);
        if values != Values::default() {
            findings.push(judge(script, &about, suexec, &values));
            return;
        }
    }
}

/// Its values, as far as this user may know them.
fn values_of(suexec: &Path, case: &Case) -> Values {
    let mut command = Command::new(suexec);
    command.arg("-V").env_clear();
    // It refuses other users than root and the server's.
    let printed = case
        .run(command)
        .map(|said| [said.output, said.log].concat());
    let mut values = built_in(&String::from_utf8_lossy(&printed.unwrap_or_default()));
    let is_custom = fs::canonicalize(suexec).is_ok_and(|real| real.ends_with("suexec-custom"));
    if is_custom && let Ok(text) = fs::read_to_string(CUSTOM) {
        let mut lines = text.lines().map(str::trim);
        // A line that begins with `#` switches its kind of place off.
        let mut next = || {
            lines
                .next()
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
        };
        values.document_root = next().map(PathBuf::from);
        values.in_homes = next().map(str::to_owned);
    }
    values
}

/// What `suexec -V` prints: ` -D AP_UID_MIN=100`, texts in quotes.
fn built_in(printed: &str) -> Values {
    let value = |name: &str| {
        let mut lines = printed.lines().map(str::trim);
        let value = lines.find_map(|line| {
            let line = line.strip_prefix("-D ")?.strip_prefix(name)?;
            line.strip_prefix('=')
        })?;
        Some(value.trim_matches('"').to_owned()).filter(|value| !value.is_empty())
    };
    Values {
        document_root: value("AP_DOC_ROOT").map(PathBuf::from),
        in_homes: value("AP_USERDIR_SUFFIX"),
        least_user: value("AP_UID_MIN").and_then(|value| value.parse().ok()),
        least_group: value("AP_GID_MIN").and_then(|value| value.parse().ok()),
    }
}

fn judge(script: &Path, about: &Metadata, suexec: &Path, values: &Values) -> Finding {
    let (shown, suexec) = (script.display(), suexec.display());
    let folder = script.parent().unwrap_or(Path::new("/"));
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let (places, is_in_one) = places(&folder, about.uid(), values);
    let too_small = [
        ("UID", about.uid(), values.least_user),
        ("GID", about.gid(), values.least_group),
    ];
    for (what, number, least) in too_small {
        if let Some(least) = least.filter(|least| number < *least) {
            let said = format!(
                "this machine's suEXEC (`{suexec}`) runs nothing for a {what} below {least}, and `{shown}` has \
                 {what} {number}"
            );
            let whose = if what == "UID" {
                "chown USER"
            } else {
                "chgrp GROUP"
            };
            let remedy = format!(
                "{whose} {} {} (one with a {what} of {least} or more)",
                typed(script),
                typed(&folder)
            );
            return Finding::note("suexec", said).mended_by(remedy);
        }
    }
    if is_in_one {
        let said = format!(
            "this machine's suEXEC (`{suexec}`) runs scripts in {places}, where `{shown}` is"
        );
        return Finding::good("suexec", said);
    }
    if places.is_empty() {
        let said = format!(
            "this machine's suEXEC does not say in which folders it runs scripts (`{suexec} -V`)"
        );
        return Finding::note("suexec", said);
    }
    let said = format!(
        "this machine's suEXEC (`{suexec}`) runs only scripts in {places}, where `{shown}` is not"
    );
    Finding::note("suexec", said).mended_by("under suEXEC, move the script's folder there")
}

/// The places where suEXEC runs scripts, in words, and whether this folder is in one of them.
fn places(folder: &Path, owner: u32, values: &Values) -> (String, bool) {
    let real = |path: PathBuf| fs::canonicalize(&path).unwrap_or(path);
    let root = values.document_root.clone();
    let of_owner = values
        .in_homes
        .as_ref()
        .and_then(|name| Some(home(owner)?.join(name)));
    let mut in_words = Vec::new();
    in_words.extend(root.as_ref().map(|root| format!("`{}`", root.display())));
    in_words.extend(
        values
            .in_homes
            .as_ref()
            .map(|name| format!("`~USER/{name}`")),
    );
    let is_in_one = [root, of_owner]
        .into_iter()
        .flatten()
        .any(|place| folder.starts_with(real(place)));
    (in_words.join(" or "), is_in_one)
}

/// A user's home directory by /etc/passwd.
fn home(user: u32) -> Option<PathBuf> {
    let list = fs::read_to_string("/etc/passwd").ok()?;
    let mut lines = list.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|fields| fields.get(2) == Some(&user.to_string().as_str()))?;
    line.get(5).map(PathBuf::from)
}
