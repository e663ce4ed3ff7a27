//! The plan that writes a script and its configuration.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Result, bail};

use exchange::AUTO;
use process::program;
use settings::cli::{Install, Server};
use settings::options::{PYTHON_PATH, SCRIPT_NAME, of_script};

use super::application::Application;
use super::blocks::{self, Place};
use super::change::{Change, text_of};
use super::marked::{self, Found};
use super::plan::{Plan, Script};
use super::{notes, packages, script, target};

/// Plans it.
pub(super) fn plan(typed: &Install) -> Result<Plan> {
    let python_path = typed.options.0.clone().absolute().paths(&PYTHON_PATH);
    let app = typed.app.as_deref().unwrap_or_default();
    let application = Application::named(app, &python_path)?;
    let script = Script::of(typed, Some(&application))?;
    let program = program::path();
    let said = match &application.file {
        // The application's file may be a script with settings of its own.
        Some(file) => typed.options.0.clone().absolute().or(of_script(file)?),
        None => typed.options.0.clone().absolute(),
    };
    let venv = packages::venv(&said, &application.folders)?;
    let options = script::options(typed, said, venv.as_deref(), &program);
    let text = script::text(&application, &options, &program)?;
    let url = target::url(typed, &script)?;
    let place = Place {
        folder: &script.folder,
        name: &script.name,
        url: &url,
        program: &program,
        root: typed.place.root,
        reads_url: options
            .text(&SCRIPT_NAME)
            .is_some_and(|path| path.as_bytes() == AUTO),
    };
    let lines = blocks::lines(typed.server, &place)?;
    let mut changes = vec![written(&script.path, text, typed)?];
    let configuration = script.configuration(typed)?;
    if let (Some(file), Some(lines)) = (&configuration, &lines) {
        changes.push(added(file, &script.name, lines, typed.manner.force)?);
    }
    let reached = [
        Some(program.as_path()),
        application.file.as_deref(),
        venv.as_deref(),
    ];
    let notes = notes::Notes {
        typed,
        place: &place,
        script: &script.path,
        options: &options,
        lines: lines.filter(|_| configuration.is_none()),
        reached: &reached,
        application: &application,
    };
    Ok(Plan {
        changes,
        notes: notes.text(),
    })
}

/// Writes the script; replaces another file only with --force.
fn written(path: &Path, text: String, typed: &Install) -> Result<Change> {
    let before = text_of(path)?;
    let change = Change::new(path, before, Some(text.into_bytes()));
    if change.before.is_some() && !change.is_nothing() && !typed.manner.force {
        bail!(
            "`{}` exists already, with other content: replace it with --force (--force --dry-run shows the \
             difference), or give the new script another name with --name",
            path.display()
        );
    }
    let mode = if typed.server == Server::ApacheAction {
        0o644
    } else {
        0o755
    };
    Ok(Change {
        mode: Some(mode),
        ..change
    })
}

/// Appends the block of a script to a configuration file; replaces a different block only with --force.
fn added(file: &Path, name: &str, lines: &str, force: bool) -> Result<Change> {
    let before = text_of(file)?;
    let text = before.as_deref().unwrap_or_default();
    let after = match marked::found(text, name) {
        _ if marked::has(text, name, lines) => before.clone(),
        Found::Nothing => Some(marked::with(before.as_deref(), name, lines)),
        _ if !force => bail!(
            "`{}` already has other lines for `{name}`: --force replaces them",
            file.display()
        ),
        _ => {
            let without = marked::without(text, name);
            if without.as_deref() == Some(text) {
                bail!(
                    "`{}`: the lines for `{name}` have no `# END` line: remove them by hand",
                    file.display()
                );
            }
            Some(marked::with(without.as_deref(), name, lines))
        }
    };
    Ok(Change::new(file, before, after))
}
