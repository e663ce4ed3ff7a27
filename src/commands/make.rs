//! Making an image ahead, by hand, in a process that inherits nothing of this one: no descriptor, no
//! session, and only those variables that a web server might give.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use exchange::MetaVariables;
use image::attempt::Ended;
use image::freshness;
use image::place::{script_of, shown};
use process::program;
use process::report::{self, Exit};
use settings::cli::{Make, Order};
use settings::decided::first_line_options;
use settings::options::Early;

use super::progress::Progress;
use super::{folder_of, list};

/// How many attempts are made when the next one may succeed.
const ATTEMPTS: usize = 5;

/// Makes the image of a script.
pub(super) fn make(typed: &Make, environment: &MetaVariables) -> Result<Exit> {
    let script = &typed.script;
    // As it was named: a link is a script of its own. Its folder becomes the working directory.
    let script = std::path::absolute(script)
        .and_then(|named| fs::metadata(&named).map(|_| named))
        .with_context(|| format!("`{}`", script.display()))?;
    let make = Make {
        script: script.clone(),
        options: typed.options.clone(),
        order: Order {
            started_with: first_line_options(&script)?,
            here: true,
            ..typed.order.clone()
        },
    };
    let progress = Progress::begin();
    progress.at("starting the Python that loads the application");
    let mut command = Command::new(program::path());
    command.args(make.words());
    let outside = freshness::outside(environment);
    let given = outside.iter().filter(|(name, _)| !is_of_a_terminal(name));
    command
        // As web servers do.
        .current_dir(script.parent().unwrap_or(Path::new("/")))
        .env_clear()
        .envs(given.map(|(name, value)| (OsStr::from_bytes(name), OsStr::from_bytes(value))))
        .stdin(Stdio::null())
        .stdout(progress.other_end().map_or_else(Stdio::null, Stdio::from));
    // SAFETY: a system call and nothing else, in the child before it becomes the program.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
    for _ in 0..ATTEMPTS {
        let ended = command.status()?;
        match ended.code() {
            Some(0) => {
                tell_unless_asked_for(&script, environment);
                return Ok(Exit::Success);
            }
            Some(code) => match Ended::of(code) {
                Some(Ended::Again | Ended::Settles) => {}
                _ => return Ok(Exit::Failure),
            },
            None => bail!(
                "`{}`: no image: the process making it was killed ({ended})",
                script.display()
            ),
        }
    }
    let folder = folder_of(&typed.options.0, Some(&script), environment)?;
    let why = list::heads(&folder).find_map(|(_, head)| {
        head.filter(|head| script_of(&head.identity) == script && !head.refusal.is_empty())
    });
    bail!(
        "{} ({ATTEMPTS} attempts)",
        match why {
            Some(head) => shown(&head.refusal),
            None => format!(
                "`{}`: no image: at every attempt, the process that watches the application while it loads was \
                 killed (perhaps by a limit of the host), or the folder for images was removed: try again, or ask \
                 the hosting provider",
                script.display()
            ),
        }
    )
}

/// Tells how to have requests answered from images, where the script does not ask for that yet.
fn tell_unless_asked_for(script: &Path, environment: &MetaVariables) {
    let flags = first_line_options(script).unwrap_or_default();
    if !Early::of(&flags, environment, Some(script)).image {
        report::log(&format!(
            "`{}`: image made, but requests do not use images yet: write `#!/path/to/wsgi-cgi --image` \
             in the script's first line, or set WSGI_CGI_IMAGE=1",
            script.display()
        ));
    }
}

/// Web servers do not pass on the locale of the user who started them; an image is made for one locale.
fn is_of_a_terminal(name: &[u8]) -> bool {
    name.starts_with(b"LC_") || name == b"LANG" || name == b"LANGUAGE"
}
