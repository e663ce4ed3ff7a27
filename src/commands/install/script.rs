//! The text of the script: its first line, the mark, the options, the lines that bind the application.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use settings::cli::{Install, Server};
use settings::options::{IMAGE, Row, SCRIPT_NAME, VENV, Values, WARM_UP, block};

use super::application::Application;
use super::mark;

/// The longest first line that Linux before 5.1 reads, without the line end.
const FIRST_LINE: usize = 127;

/// The whole script.
pub(super) fn text(application: &Application, options: &Values, program: &Path) -> Result<String> {
    let about = |row: &Row| {
        let is_it = *row == IMAGE && options.is_on(&IMAGE) && options.has(&WARM_UP);
        is_it.then(|| {
            "answer from an image of the loaded application, made after a GET for `warm-up`"
                .to_owned()
        })
    };
    let block = block(options, about)?;
    let import = &application.import;
    Ok(mark::marked(
        &first_lines(program)?,
        &format!("{block}{import}"),
    ))
}

/// The `#!` line; for a path that it cannot hold, lines that a shell runs and Python reads as a string, as pip
/// writes them.
fn first_lines(program: &Path) -> Result<String> {
    let shown = program.display();
    let path = program.to_str().with_context(|| {
        format!("the path of this program, `{shown}`, is not UTF-8: install wsgi-cgi elsewhere")
    })?;
    if path.contains(|c: char| c.is_control() || "'\"\\$`".contains(c)) {
        bail!(
            "the path of this program, `{shown}`, has a character that cannot be written in a script (a \
             quote, `\\`, `$`, or a control character): install wsgi-cgi elsewhere"
        );
    }
    let line = format!("#!{path}\n");
    if line.len() - 1 > FIRST_LINE || program.as_os_str().as_bytes().contains(&b' ') {
        return Ok(format!("#!/bin/sh\n'''exec' \"{path}\" \"$0\"\n' '''\n"));
    }
    Ok(line)
}

/// The script's options: those of the command line, the virtual environment that was found, and images unless
/// --no-image is given or they are impossible.
pub(super) fn options(
    typed: &Install,
    said: Values,
    venv: Option<&Path>,
    program: &Path,
) -> Values {
    let mut options = said;
    if let Some(venv) = venv {
        options = options.or_value(&VENV, venv);
    }
    if typed.no_image {
        options = options.without(&IMAGE).without(&WARM_UP);
    } else if may_have_images(typed.server, program) {
        options = options.or_value(&IMAGE, "on").or_value(&WARM_UP, "/");
    }
    if typed.place.root {
        options = options.or_value(&SCRIPT_NAME, "auto");
    }
    options
}

/// Behind an Apache `Action` the server starts this program and not the script; the maker of an image has the
/// executor in `LD_PRELOAD`, where a path ends at a space or a colon.
pub(super) fn may_have_images(server: Server, program: &Path) -> bool {
    let path = program.as_os_str().as_bytes();
    server != Server::ApacheAction && !path.contains(&b' ') && !path.contains(&b':')
}
