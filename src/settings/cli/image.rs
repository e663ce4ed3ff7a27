//! `wsgi-cgi image`: the images that requests are answered from.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::options::{FolderOption, MakeOptions};

const AFTER: &str = "\
Requests to a script whose first line is `#!/usr/local/bin/wsgi-cgi --image` are
answered from an image of its loaded application. The first request makes the
image. `make` makes it ahead of that: run it as the user that the web server
runs scripts as.";

/// Make, list or remove the images of loaded applications
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Image {
    #[command(subcommand)]
    pub command: ImageCommand,
}

/// The commands for images.
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "a doc comment here would replace the help in the structures"
)]
pub enum ImageCommand {
    Make(Make),
    /// List the images of this user: application, size and age, or why there is no image
    Status {
        /// Only for this script, or for the scripts below this folder
        #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
        path: Option<PathBuf>,

        /// Print each step of a restore too
        #[arg(long)]
        explain: bool,

        /// Print JSON, for another program
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        folder: FolderOption,
    },
    /// Remove the image of a script's application, or all of this user's
    Drop {
        /// The script
        #[arg(value_name = "SCRIPT")]
        script: Option<PathBuf>,

        #[command(flatten)]
        folder: FolderOption,
    },
}

/// Make the image of a script's application, or replace it
#[derive(Debug, Args)]
pub struct Make {
    /// The script
    #[arg(value_name = "SCRIPT")]
    pub script: PathBuf,

    #[command(flatten)]
    pub options: MakeOptions,

    #[command(flatten)]
    pub order: Order,
}

/// What this program passes to the process that makes an image; [`Make::words`] is its encoder,
/// clap its decoder.
#[derive(Clone, Debug, Args)]
pub struct Order {
    /// One of the options in the script's first line.
    #[arg(
        long = "option",
        value_name = "WORD",
        hide = true,
        allow_hyphen_values = true
    )]
    pub started_with: Vec<OsString>,

    /// Observe the process that is written to the image.
    #[arg(long, hide = true)]
    pub here: bool,

    /// The value of GATEWAY_INTERFACE, which is not in the environment: this is not a CGI request.
    #[arg(long, value_name = "VALUE", hide = true)]
    pub gateway_interface: Option<OsString>,

    /// Only if the present image was made before this time, in seconds since 1970.
    #[arg(long, value_name = "SECONDS", hide = true)]
    pub unless_since: Option<u64>,
}

impl Make {
    /// As words that follow the program's name.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let order = &self.order;
        let mut words: Vec<OsString> = vec!["image".into(), "make".into()];
        let mut flag = |name: &str, value: &OsStr| {
            let mut word = OsString::from(format!("--{name}="));
            word.push(value);
            words.push(word);
        };
        for option in &order.started_with {
            flag("option", option);
        }
        if let Some(value) = &order.gateway_interface {
            flag("gateway-interface", value);
        }
        if let Some(seconds) = order.unless_since {
            flag("unless-since", seconds.to_string().as_ref());
        }
        if order.here {
            words.push("--here".into());
        }
        words.extend(self.options.0.words().map(|word| {
            let mut flag = OsString::from("--");
            flag.push(word);
            flag
        }));
        words.push("--".into());
        words.push(self.script.clone().into());
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, Program};
    use crate::options::{CACHE_DIR, Values, WARM_UP};
    use clap::Parser;

    #[test]
    fn an_order_survives_encoding() {
        let options = ["cache-dir=/c".into(), "warm-up=/?a".into()];
        let make = Make {
            script: "-odd.cgi".into(),
            options: Values::from_words(&options).expect("options").into(),
            order: Order {
                started_with: vec!["--venv".into(), "/a b".into(), "".into()],
                here: true,
                gateway_interface: Some("CGI/1.1".into()),
                unless_since: Some(9),
            },
        };
        let words = [OsString::from("wsgi-cgi")].into_iter().chain(make.words());
        let program = Program::try_parse_from(words).expect("understood");
        let Some(Command::Image(image)) = program.command else {
            panic!("another command");
        };
        let ImageCommand::Make(arrived) = image.command else {
            panic!("another command");
        };
        assert_eq!(format!("{:?}", arrived.order), format!("{:?}", make.order));
        assert_eq!(arrived.script, make.script);
        assert_eq!(arrived.options.0.path(&CACHE_DIR), Some("/c".into()));
        assert_eq!(arrived.options.0.text(&WARM_UP), Some("/?a".into()));
    }
}
