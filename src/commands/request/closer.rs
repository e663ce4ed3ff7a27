//! The closer look: which observers there are, and what is said when all is over.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::cli;
use crate::exchange::Observer;
use crate::inspect::{All, Story, Timing, is_import_time};
use crate::process::open_line;
use crate::process::stderr_tap::StderrTap;
use crate::process::terminal::Terminal;
use crate::python::{Inspection, Watch};
use crate::report::Exit;

/// What was asked for beyond the answer.
#[derive(Debug, Default)]
pub(super) struct Closer {
    story: Option<Arc<Story>>,
    timing: Option<(Arc<Timing>, StderrTap, OwnedFd)>,
    validate: bool,
    terminal: Option<Terminal>,
}

impl Closer {
    /// Begins to look; `start` is when the program began.
    pub(super) fn begin(typed: &cli::Closer, start: Instant) -> Result<Self> {
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
            let tap = StderrTap::start(is_import_time)?;
            closer.timing = Some((Arc::new(Timing::begin(start)), tap, output));
        }
        Ok(closer)
    }

    /// Tells what no event tells.
    pub(super) fn tell(&self, text: &str) {
        if let Some(story) = &self.story {
            story.tell(text);
        }
    }

    /// What the gateway has to know.
    pub(super) fn inspection(&mut self) -> Inspection {
        let mut observers: Vec<Arc<dyn Observer>> = Vec::new();
        if let Some(story) = &self.story {
            observers.push(story.clone());
        }
        if let Some((timing, ..)) = &self.timing {
            observers.push(timing.clone());
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
            hints_at_static_files: false,
        }
    }

    /// Says what remains to be said.
    pub(super) fn end(self, exit: Exit) {
        self.tell(&format!("exit {}", exit.code()));
        if let Some((timing, mut tap, output)) = self.timing {
            let table = [open_line::end(), &timing.table(&tap.stop())].concat();
            _ = File::from(output).write_all(table.as_bytes());
        }
    }
}
