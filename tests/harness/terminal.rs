//! A terminal with a person at it who types when they see what they wait for.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::cgi::exit_code;

/// Long enough for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program at its own terminal.
pub(crate) struct Terminal {
    person: File,
    /// While nobody has the program's side open, nothing can be read.
    program: File,
    screen: Receiver<Vec<u8>>,
    child: Child,
    seen: String,
}

impl Terminal {
    /// Starts the command at a new terminal. What it has no descriptor for yet is the terminal.
    pub(crate) fn start(command: Command) -> Self {
        Self::start_with(command, |_| ())
    }

    /// As [`start`](Self::start); `redirect` may give it other descriptors.
    pub(crate) fn start_with(mut command: Command, redirect: impl FnOnce(&mut Command)) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let person = openpt(flags).expect("a terminal");
        grantpt(&person).expect("a terminal of ours");
        unlockpt(&person).expect("a terminal to open");
        let name = ptsname(&person, Vec::new()).expect("a terminal's name");
        let program = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().expect("UTF-8"))
            .expect("the program's side");
        let side = || Stdio::from(program.try_clone().expect("a descriptor"));
        command.stdin(side()).stdout(side()).stderr(side());
        redirect(&mut command);
        let terminal = program.try_clone().expect("a descriptor");
        // SAFETY: setsid(2) and ioctl(2) are async-signal-safe, and nothing is allocated.
        unsafe {
            command.pre_exec(move || {
                rustix::process::setsid().map_err(io::Error::from)?;
                rustix::process::ioctl_tiocsctty(&terminal).map_err(io::Error::from)
            });
        }
        let child = command.spawn().expect("the program starts");
        let person = File::from(person);
        let mut reader = person.try_clone().expect("a descriptor");
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut block = [0; 4096];
            // An error is how a terminal says that nobody has it open any more.
            while let Ok(read @ 1..) = reader.read(&mut block) {
                if sender.send(block[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            person,
            program,
            screen,
            child,
            seen: String::new(),
        }
    }

    /// Waits until the text is on the screen, after what was waited for before.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> &mut Self {
        self.until(&[text]);
        self
    }

    /// Waits until all of these texts are on the screen. Returns the screen up to the end of the last one.
    #[track_caller]
    pub(crate) fn until(&mut self, texts: &[&str]) -> String {
        while let Some(text) = texts.iter().find(|text| !self.seen.contains(**text)) {
            match self.screen.recv_timeout(PATIENCE) {
                Ok(block) => self.seen.push_str(&String::from_utf8_lossy(&block)),
                Err(error) => panic!("no {text:?} on the screen ({error}):\n{}", self.seen),
            }
        }
        let ends = texts
            .iter()
            .filter_map(|text| Some(self.seen.find(text)? + text.len()));
        let end = ends.max().unwrap_or(0);
        self.seen.drain(..end).collect()
    }

    /// Waits for a text. Returns what is on the screen before it.
    #[track_caller]
    pub(crate) fn shows(&mut self, end: &str) -> String {
        while !self.seen.contains(end) {
            match self.screen.recv_timeout(PATIENCE) {
                Ok(block) => self.seen.push_str(&String::from_utf8_lossy(&block)),
                Err(error) => panic!("no {end:?} on the screen ({error}):\n{}", self.seen),
            }
        }
        let shown = self.seen.split(end).next().unwrap_or_default().to_owned();
        self.wait_for(end);
        shown
    }

    /// Types Ctrl-C.
    pub(crate) fn interrupts(&mut self) -> &mut Self {
        self.person
            .write_all(b"\x03")
            .expect("a terminal to type at");
        self
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: &str) -> &mut Self {
        self.presses(&format!("{line}\n"))
    }

    /// Presses these keys.
    pub(crate) fn presses(&mut self, keys: &str) -> &mut Self {
        write!(self.person, "{keys}").expect("a terminal to type at");
        self
    }

    /// Waits for the end, and gives what was on the screen since and the exit status.
    pub(crate) fn end(mut self) -> (String, i32) {
        let exit = exit_code(self.child.wait().expect("an exit status"));
        drop(self.program);
        while let Ok(block) = self.screen.recv_timeout(PATIENCE) {
            self.seen.push_str(&String::from_utf8_lossy(&block));
        }
        (self.seen, exit)
    }
}
