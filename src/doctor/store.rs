//! The folder for images and compiled modules.

use std::path::Path;

use rustix::fs::Access;

use super::finding::Finding;
use super::settings::refused;
use super::{Case, typed};
use image::{cache_folder, place};
use settings::config::Config;
use settings::options::{CACHE_DIR, IMAGE};
use settings::origins::Origins;

/// Less free space than this is too little: several times the size of a first image.
const LITTLE: u64 = 64 << 20;

/// Looks at it, where requests are answered from images.
pub(super) fn look(case: &Case, config: &Config, origins: &Origins, findings: &mut Vec<Finding>) {
    if !config.image {
        return;
    }
    let line = origins
        .set_to(&CACHE_DIR, &["/FOLDER"])
        .or_else(|| origins.beside(&IMAGE, &CACHE_DIR, &["/FOLDER"]))
        .unwrap_or_default();
    let elsewhere = |what: &str| format!("{line}, /FOLDER being one {what}");
    let roots = place::ROOTS.map(|name| case.environment.value(name));
    let named = config.cache_dir.clone();
    let found = match cache_folder::find(named, |name| std::env::var_os(name), &roots) {
        Ok(found) => found,
        Err(why) => {
            findings
                .push(Finding::wrong("images", why).mended_by(elsewhere("that no URL leads to")));
            return;
        }
    };
    let shown = found.folder.display();
    let there = found.folder.exists();
    let above = found.folder.ancestors().find(|above| above.exists());
    let above = above.unwrap_or(Path::new("/"));
    if let (true, Err(error)) = (there, &found.looked) {
        let said = format!(
            "the folder for images, `{shown}`, must be owned by this user and closed to others ({error}): no \
             image is kept there"
        );
        let remedy = format!("chmod 700 {}", typed(&found.folder));
        findings.push(Finding::wrong("images", said).mended_by(remedy));
    } else if let Some(error) = refused(above, Access::WRITE_OK | Access::EXEC_OK) {
        let said = format!(
            "cannot write to the folder for images, `{shown}`: `{}`: {error}",
            above.display()
        );
        let remedy = elsewhere("where this user may write");
        findings.push(Finding::wrong("images", said).mended_by(remedy));
    } else {
        let when = if there {
            ""
        } else {
            " (created with the first image)"
        };
        findings.push(Finding::good(
            "images",
            format!("images are kept in `{shown}`{when}"),
        ));
    }
    if let Ok(system) = rustix::fs::statvfs(above) {
        let free = system.f_bavail.saturating_mul(system.f_frsize);
        if free < LITTLE {
            let said = format!(
                "only {1} MB free in `{0}`: images need more",
                above.display(),
                free >> 20
            );
            findings.push(Finding::wrong("images", said).mended_by(format!(
                "free some space, or {}",
                elsewhere("with more space")
            )));
        }
    }
}
