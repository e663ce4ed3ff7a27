//! `wsgi-cgi doctor`: will this work here, and if not, why?

use std::path::PathBuf;

use clap::Args;

const AFTER: &str = "\
Run it as the user that the web server runs scripts as. It requests `/` from
the script once, as a server would. Without a shell: put a script `doctor.cgi`
beside yours that has only the first line of yours, and an empty file
`.htdoctor-WORD`, WORD being 16 letters or more; then open
doctor.cgi?token=WORD in the browser.";

/// Find what keeps a script from being served, and say how to fix it
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Doctor {
    /// The script; without one, only this machine is checked
    #[arg(value_name = "SCRIPT")]
    pub script: Option<PathBuf>,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}
