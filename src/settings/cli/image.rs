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
#[derive(Clone, Debug, Args)]
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
#[derive(Clone, Debug, Default, Args)]
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

    /// Be that process, observed by the process with this PID.
    #[arg(long, value_name = "PID", hide = true)]
    pub observed: Option<u32>,

    /// Do not warm up: that made the attempt before this one fail, for the reason that is kept.
    #[arg(long, hide = true)]
    pub unwarmed: bool,

    /// Learn which memory a request writes to, and make no image.
    #[arg(long, hide = true)]
    pub learns: bool,

    /// What an earlier process has learned about that.
    #[arg(long, value_name = "FILE", hide = true)]
    pub learned: Option<OsString>,

    /// The number of this attempt, from 1 on.
    #[arg(long, value_name = "NUMBER", hide = true)]
    pub attempt: Option<u64>,

    /// The value of GATEWAY_INTERFACE, which is not in the environment: this is not a CGI request.
    #[arg(long, value_name = "VALUE", hide = true)]
    pub gateway_interface: Option<OsString>,

    /// Only if the present image was made before this time, in seconds since 1970.
    #[arg(long, value_name = "SECONDS", hide = true)]
    pub unless_since: Option<u64>,
}

impl Order {
    /// Whether a process with this command line learns, or what it has of an earlier one. This is asked before the
    /// process has begun, so it is not for clap.
    #[must_use]
    pub fn placement<'a>(words: impl Iterator<Item = &'a [u8]>) -> Option<Placement<'a>> {
        // The script follows, and no other word here is a user's: options of scripts are `--option=`.
        let words = words.take_while(|word| *word != b"--");
        let mut words = words.skip_while(|word| *word != b"make");
        let begins = |word: &[u8]| word == b"--learns" || word.starts_with(b"--learned=");
        let word = words.find(|word| begins(word))?;
        Some(match word.strip_prefix(b"--learned=") {
            Some(path) => Placement::Learned(path),
            None => Placement::Learns,
        })
    }
}

/// What a process that makes an image has to do with the placement of blocks in memory.
#[derive(Debug, PartialEq, Eq)]
pub enum Placement<'a> {
    /// It learns which blocks a request writes to.
    Learns,
    /// It has the path of what an earlier process has learned.
    Learned(&'a [u8]),
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
        for (name, value) in [
            ("gateway-interface", &order.gateway_interface),
            ("learned", &order.learned),
        ] {
            if let Some(value) = value {
                flag(name, value);
            }
        }
        for (name, number) in [
            ("observed", order.observed.map(u64::from)),
            ("attempt", order.attempt),
            ("unless-since", order.unless_since),
        ] {
            if let Some(number) = number {
                flag(name, number.to_string().as_ref());
            }
        }
        for (name, is_said) in [
            ("--here", order.here),
            ("--unwarmed", order.unwarmed),
            ("--learns", order.learns),
        ] {
            if is_said {
                words.push(name.into());
            }
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
                unwarmed: true,
                learns: true,
                learned: Some("/l=1".into()),
                observed: Some(7),
                attempt: Some(3),
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
        let placement = |order: &Order| {
            let make = Make {
                order: order.clone(),
                ..make.clone()
            };
            let words = make.words();
            let words = words.iter().map(|word| word.as_encoded_bytes());
            Order::placement(words).map(|placement| format!("{placement:?}"))
        };
        let mut order = Order {
            started_with: vec!["--learns".into(), "--learned=/x".into()],
            ..Order::default()
        };
        assert_eq!(placement(&order), None);
        order.learned = Some("/l=1".into());
        let path: &[u8] = b"/l=1";
        assert_eq!(
            placement(&order),
            Some(format!("{:?}", Placement::Learned(path)))
        );
        order = Order {
            learns: true,
            ..Order::default()
        };
        assert_eq!(placement(&order), Some(format!("{:?}", Placement::Learns)));
        assert_eq!(arrived.script, make.script);
        assert_eq!(arrived.options.0.path(&CACHE_DIR), Some("/c".into()));
        assert_eq!(arrived.options.0.text(&WARM_UP), Some("/?a".into()));
    }
}
