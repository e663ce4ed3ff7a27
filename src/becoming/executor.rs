//! Where the executor is: beside the program, in the place that goes with a `bin` folder, among the packages
//! of the environment that the program was installed in, or where the system's is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

const NAME: &str = "_wsgi_cgi.abi3.so";

/// As cargo calls it, beside the program that it builds.
const BUILT: &str = "lib_wsgi_cgi.so";

/// Looks for it.
///
/// # Errors
/// Where it is in none of these places.
pub(crate) fn find(program: &Path) -> Result<PathBuf> {
    let beside = [NAME, BUILT].map(|name| program.with_file_name(name));
    let prefix = settings::python::prefix_of(program);
    let installed = prefix.map(|prefix| prefix.join("lib/wsgi-cgi").join(NAME));
    let places: Vec<PathBuf> = beside.into_iter().chain(installed).collect();
    if let Some(found) = places.iter().find(|place| place.is_file()) {
        return Ok(found.clone());
    }
    let packages = prefix.map(packages).unwrap_or_default();
    // A program that was copied into a folder of scripts leaves its executor where it was installed.
    let usual =
        ["/usr/local/lib/wsgi-cgi", "/usr/lib/wsgi-cgi"].map(|place| Path::new(place).join(NAME));
    let mut others = packages.iter().chain(&usual);
    if let Some(found) = others.find(|place| place.is_file()) {
        return Ok(found.clone());
    }
    let looked: Vec<String> = places
        .iter()
        .filter(|place| !place.ends_with(BUILT))
        .chain(&packages)
        .chain(&usual)
        .map(|place| format!("`{}`", place.display()))
        .collect();
    bail!(
        "the executor `{NAME}`, which belongs to `{}`, is not found: looked for {}: install both again \
         from one place",
        program.display(),
        looked.join(", ")
    )
}

/// Where it would be among the packages of each Python there.
fn packages(prefix: &Path) -> Vec<PathBuf> {
    let folders = ["lib", "lib64"].map(|name| fs::read_dir(prefix.join(name)));
    let entries = folders.into_iter().flatten().flatten().flatten();
    let pythons =
        entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"python3"));
    pythons
        // Debian's pip has a name of its own for the system's.
        .flat_map(|entry| ["site-packages", "dist-packages"].map(|name| entry.path().join(name)))
        .map(|packages| packages.join("wsgi_cgi").join(NAME))
        .collect()
}
