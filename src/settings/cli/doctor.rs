//! `wsgi-cgi doctor`: will this work here, and if not, why?

use std::path::PathBuf;

use clap::Args;

const AFTER: &str = "\
Run it as the user that the web server runs scripts as. The script is asked
once for `/`, as a server would. Without a shell: a script `doctor.cgi` beside
yours whose only line is the first line of yours, and a file `.htdoctor-WORD`,
the word of 16 letters or more; then ask for doctor.cgi?token=WORD.";

/// Look for what keeps a script from being served, and say what mends it
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Doctor {
    /// The script; without it the machine alone is looked at
    #[arg(value_name = "SCRIPT")]
    pub script: Option<PathBuf>,

    /// As JSON
    #[arg(long)]
    pub json: bool,
}
