//! The options to look closer (`--verbose`, `--timing`, `--pdb` ...): starts their observers and prints
//! their results.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};

use super::counted::Counted;
use crate::python::{self, Inspection, Watch};
use doors::inspect::{All, Story, Timing, draw};
use exchange::Observer;
use process::open_line;
use process::report::{self, Exit};
use process::terminal::Terminal;
use settings::cli;

/// What was asked for besides the answer.
#[derive(Debug, Default)]
pub(super) struct CloserLook {
    story: Option<Arc<Story>>,
    timing: Option<(Arc<Timing>, OwnedFd)>,
    profile: Option<File>,
    counted: Option<Arc<Counted>>,
    validate: bool,
    terminal: Option<Terminal>,
}

impl CloserLook {
    /// Starts the observers; `start` is when the program began.
    pub(super) fn begin(typed: &cli::CloserLook, start: Instant) -> Result<Self> {
        let mut closer = Self {
            validate: typed.validate,
            ..Self::default()
        };
        if typed.pdb {
            let terminal = Terminal::open().context("--pdb needs a terminal (`/dev/tty`)")?;
            closer.terminal = Some(terminal);
        }
        // The real standard error, wherever the log goes.
        let stderr = || rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3);
        if typed.verbose {
            let output = File::from(stderr()?);
            let coloured = output.is_terminal();
            closer.story = Some(Arc::new(Story::begin(output, coloured, start)));
        }
        if typed.timing {
            let output = stderr()?;
            closer.timing = Some((Arc::new(Timing::begin(start)), output));
        }
        if let Some(file) = &typed.profile {
            let created = File::create(file);
            let created = created.with_context(|| format!("cannot write `{}`", file.display()))?;
            closer.profile = Some(created);
        }
        Ok(closer)
    }

    /// Counts the bytes that are written.
    pub(super) fn count(&mut self, counted: Arc<Counted>) {
        self.counted = Some(counted);
    }

    /// Shows facts for which there is no event.
    pub(super) fn tell(&self, text: &str) {
        if let Some(story) = &self.story {
            story.tell(text);
        }
    }

    /// The inspection for the gateway.
    pub(super) fn inspection(&mut self) -> Inspection {
        let mut observers: Vec<Arc<dyn Observer>> = Vec::new();
        if let Some(story) = &self.story {
            observers.push(story.clone());
        }
        if let Some((timing, ..)) = &self.timing {
            observers.push(timing.clone());
        }
        if let Some(counted) = &self.counted {
            observers.push(counted.clone());
        }
        let observer = match observers.len() {
            0 | 1 => observers.pop(),
            _ => Some(Arc::new(All(observers)) as Arc<dyn Observer>),
        };
        Inspection {
            watch: Watch(observer),
            validate: self.validate,
            post_mortem: self.terminal.take(),
            import_times: self.timing.is_some(),
            profile: self.profile.is_some(),
            hints_at_static_files: false,
        }
    }

    /// Shows the rest, and writes the graph; `line` is the request.
    pub(super) fn end(mut self, line: &str, exit: Exit) {
        if let Some(file) = self.profile.take() {
            let drawn = draw(&python::profile(), line, BufWriter::new(file));
            if let Err(error) = drawn {
                report::log(&format!("--profile: cannot write the flame graph: {error}"));
            }
        }
        self.tell(&format!("exit {}", exit.code()));
        if let Some((timing, output)) = self.timing {
            let (site, imports) = python::import_times();
            let table = [open_line::end(), &timing.table(site, &imports)].concat();
            _ = File::from(output).write_all(table.as_bytes());
        }
    }
}
