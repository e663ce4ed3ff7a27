//! The plan that removes a script and its configuration, both or neither: a script must not stay without the
//! configuration that hides its source.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Result, bail};

use settings::cli::Install;

use super::application::Application;
use super::change::{Change, text_of};
use super::mark;
use super::marked::{self, Found};
use super::plan::{Plan, Script};
use super::target;

/// Plans it.
pub(super) fn plan(typed: &Install) -> Result<Plan> {
    let needs_name = typed.place.name.is_none() && !typed.place.root;
    let application = match &typed.app {
        Some(app) if needs_name => Some(Application::named(app, &[])?),
        _ => None,
    };
    let script = Script::of(typed, application.as_ref())?;
    let mut changes = Vec::new();
    if let Some(before) = text_of(&script.path)? {
        if !mark::is_unchanged(&before) {
            bail!(
                "`{}` was changed since `install` wrote it, or `install` did not write it: not removed; \
                 remove it by hand",
                script.path.display()
            );
        }
        // In case it has to be restored.
        let about = fs::metadata(&script.path).ok();
        changes.push(Change {
            mode: about.map(|about| about.permissions().mode() & 0o7777),
            ..Change::new(&script.path, Some(before), None)
        });
    }
    let configuration = script.configuration(typed)?;
    if let Some(file) = &configuration
        && let Some(before) = text_of(file)?
    {
        match marked::found(&before, &script.name) {
            Found::Nothing => {}
            Found::Unchanged => {
                let after = marked::without(&before, &script.name);
                let change = Change::new(file, Some(before), after);
                let said = match change.after {
                    Some(_) => "Removed the script's lines from",
                    None => change.said,
                };
                changes.push(Change { said, ..change });
            }
            Found::Changed => bail!(
                "`{}`: the lines for `{}` were changed since `install` wrote them: nothing removed; remove \
                 script and lines by hand",
                file.display(),
                script.name
            ),
        }
    }
    if changes.is_empty() {
        bail!(
            "`{}` does not exist: nothing removed",
            script.path.display()
        );
    }
    let notes = match configuration {
        None if target::has_configuration(typed.server, &script.folder) => {
            "If the server's configuration has lines for this script, the administrator has to remove them.\n"
        }
        _ => "",
    };
    Ok(Plan {
        changes,
        notes: notes.to_owned(),
    })
}
