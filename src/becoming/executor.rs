//! Finds the executor: beside the program, in the `lib` folder that belongs to its `bin` folder, inside the
//! program, among the packages of the program's environment, or in the system's folder.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use super::elf::{self, Defect};
use super::embedded_executor;

const NAME: &str = "_wsgi_cgi.abi3.so";

/// In the Python package, which is beside the program where an archive was unpacked or uploaded.
const IN_PACKAGE: &str = "wsgi_cgi/_wsgi_cgi.abi3.so";

/// As cargo calls it, beside the program that it builds.
const BUILT: &str = "lib_wsgi_cgi.so";

/// Looks for it; `cache_dir` is the folder for images, if it was named.
///
/// # Errors
/// Where it is in none of these places, or the file there cannot be one.
pub(crate) fn find(program: &Path, cache_dir: Option<&Path>) -> Result<PathBuf> {
    let beside = [NAME, IN_PACKAGE, BUILT].map(|name| program.with_file_name(name));
    let prefix = settings::python::prefix_of(program);
    // The second is where `pip install --target` puts a package.
    let installed = ["lib/wsgi-cgi/_wsgi_cgi.abi3.so", IN_PACKAGE];
    let installed = prefix
        .into_iter()
        .flat_map(|prefix| installed.map(|name| prefix.join(name)));
    let places: Vec<PathBuf> = beside.into_iter().chain(installed).collect();
    if let Some(found) = places.iter().find(|place| is_there(place)) {
        return checked(found);
    }
    // A program with an executor inside needs that one.
    if let Some(unpacked) = embedded_executor::find(program, cache_dir)? {
        return Ok(unpacked);
    }
    let packages = prefix.map(packages).unwrap_or_default();
    // A program that was copied into a folder of scripts leaves its executor where it was installed.
    let usual =
        ["/usr/local/lib/wsgi-cgi", "/usr/lib/wsgi-cgi"].map(|place| Path::new(place).join(NAME));
    let mut others = packages.iter().chain(&usual);
    if let Some(found) = others.find(|place| is_there(place)) {
        return checked(found);
    }
    let looked: Vec<String> = places
        .iter()
        .filter(|place| !place.ends_with(BUILT))
        .chain(&packages)
        .chain(&usual)
        .map(|place| format!("`{}`", place.display()))
        .collect();
    bail!(
        "cannot find `{NAME}`, the library (executor) that `{}` loads into Python: looked for {}: install the program \
         and the executor again from the same package or archive",
        program.display(),
        looked.join(", ")
    )
}

/// Whether a file may be there: one that this user cannot reach counts, so that the error is reported.
fn is_there(place: &Path) -> bool {
    match fs::metadata(place) {
        Ok(about) => about.is_file(),
        Err(error) => error.kind() == ErrorKind::PermissionDenied,
    }
}

/// Refuses a file that Python could not load, or that would kill it: access beyond the end of a cut file is a
/// SIGBUS.
fn checked(place: &Path) -> Result<PathBuf> {
    let shown = place.display();
    let again = "replace it with the executor that came with this program (with FTP: upload in binary \
         mode)";
    let closed = |error| {
        let user = rustix::process::geteuid().as_raw();
        anyhow!(
            "UID {user} cannot read the executor `{shown}`: {error}: `chmod 644` it, and `chmod 755` its \
             folder"
        )
    };
    let Some(defect) = elf::defect(place).map_err(closed)? else {
        return Ok(place.to_owned());
    };
    let remedy = match defect {
        Defect::OtherProcessor => format!("install the one for {}", std::env::consts::ARCH),
        Defect::Incomplete(..) | Defect::NotElf => again.to_owned(),
        Defect::Noexec => "install wsgi-cgi on another file system".to_owned(),
    };
    bail!("the executor `{shown}` {defect}: {remedy}")
}

/// Its paths among the packages of each Python there.
fn packages(prefix: &Path) -> Vec<PathBuf> {
    let folders = ["lib", "lib64"].map(|name| fs::read_dir(prefix.join(name)));
    let entries = folders.into_iter().flatten().flatten().flatten();
    let pythons =
        entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"python3"));
    pythons
        // Debian calls the packages of the system's Python `dist-packages`.
        .flat_map(|entry| ["site-packages", "dist-packages"].map(|name| entry.path().join(name)))
        .map(|packages| packages.join("wsgi_cgi").join(NAME))
        .collect()
}
