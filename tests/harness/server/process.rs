//! A server's process, with all that it starts in turn: one process group, ended as a whole when
//! the test ends, and by the kernel when the test is killed.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, set_parent_process_death_signal, waitid,
};

use super::eventually;
use super::place::Place;
use crate::harness::instead::Instead;

/// Who a web server runs as.
#[derive(Clone, Copy)]
pub(super) struct Account {
    pub(super) user: u32,
    pub(super) group: u32,
}

/// As root, a server runs as `www-data` from the start: none of them needs root above port 1024,
/// and their scripts then run as they do in a deployment. Anybody else runs them as themselves.
pub(super) fn account() -> Option<Account> {
    static ACCOUNT: LazyLock<Option<Account>> = LazyLock::new(|| {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let passwd = std::fs::read_to_string("/etc/passwd").expect("a list of users");
        let of = |name: &str| {
            let line = passwd
                .lines()
                .find(|line| line.split(':').next() == Some(name))?;
            let mut numbers = line.split(':').skip(2).map(str::parse);
            let (user, group) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
            Some(Account { user, group })
        };
        Some(
            of("www-data")
                .or_else(|| of("nobody"))
                .expect("an unprivileged user"),
        )
    });
    *ACCOUNT
}

pub(super) struct Process {
    child: Child,
    group: Pid,
}

impl Process {
    /// Starts it in the foreground, with next to no environment, its standard error in the log.
    pub(super) fn start(command: Command, place: &Place, instead: &Instead) -> Self {
        let mut command = with(instead, command);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir(place.root())
            .stdin(Stdio::null())
            .stdout(place.log_writer())
            .stderr(place.log_writer())
            .process_group(0);
        if let Some(account) = account()
            && instead.is_nothing()
        {
            command.uid(account.user).gid(account.group);
        }
        // SAFETY: prctl(2) is async-signal-safe, and nothing is allocated or locked. It comes
        // after the change of user, which would undo it.
        unsafe {
            command.pre_exec(|| {
                set_parent_process_death_signal(Some(Signal::TERM)).map_err(io::Error::from)
            });
        }
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let group = Pid::from_child(&child);
        Self { child, group }
    }

    /// Whether the first process has ended. It is not reaped, so that its id stays the group's.
    pub(super) fn has_ended(&mut self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(self.group), options).expect("a child of ours");
        status.is_some()
    }
}

/// The command that sees other folders, which takes root; then it is of the server's user as any.
fn with(instead: &Instead, command: Command) -> Command {
    if instead.is_nothing() {
        return command;
    }
    let words = instead.words();
    let mut whole = Command::new(&words[0]);
    whole.args(&words[1..]);
    if let Some(Account { user, group }) = account() {
        let (user, group) = (format!("--reuid={user}"), format!("--regid={group}"));
        whole.args([
            "setpriv",
            "--clear-groups",
            "--pdeathsig=TERM",
            &user,
            &group,
        ]);
    }
    whole.arg(command.get_program()).args(command.get_args());
    whole
}

impl Drop for Process {
    fn drop(&mut self) {
        // While the first process is not reaped nobody else can get its group's number.
        _ = kill_process_group(self.group, Signal::TERM);
        eventually(Duration::from_secs(3), || self.has_ended());
        _ = kill_process_group(self.group, Signal::KILL);
        _ = self.child.wait();
    }
}
