//! `--inetd`: one exchange on standard input and output, in this very process.

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{getpeername, getsockname};

use super::super::executor::{Executor, StartInfo};
use super::worker::Worker;
use super::{Typed, decide, inspection, limits_of, static_folders};
use doors::server::{Asked, Handover, HttpIntake, Peer, Spool, Step};
use exchange::MetaVariables;
use process::handed_on::HandedOn;
use process::report::Exit;
use process::{descriptors, environment, log_time, signals};

/// How long a client may be silent.
const PATIENCE: Timespec = Timespec {
    tv_sec: 10,
    tv_nsec: 0,
};

/// Answers the request that arrives on standard input.
pub(super) fn run(typed: &Typed, handed_on: &HandedOn, around: &MetaVariables) -> Result<Exit> {
    let private = descriptors::take().context("cannot redirect standard input and output")?;
    let config = decide(typed, around)?;
    let folders = static_folders(typed)?;
    let received = receive(
        private.stdin.as_fd(),
        private.stdout.as_fd(),
        HttpIntake::new(limits_of(typed), peer(&private.stdin)),
    );
    let Some((asked, content)) = received.context("cannot read the request")? else {
        return Ok(Exit::Failure);
    };
    let length = content.length();
    // Nothing reads the other end.
    let (_, report) = std::io::pipe()?;
    let request = Handover {
        meta: asked.meta,
        form: asked.form.closing(),
        is_local: asked.is_local,
        opens_log: false,
        length,
        socket: private.stdout,
        content: content.into_descriptor()?,
        report: report.into(),
    };
    signals::install();
    log_time::begin();
    let worker = Worker {
        config: &config,
        environment: around,
        folders: &folders,
        is_discreet: typed.work.no_debug_page,
    };
    Ok(worker.answer(request, |meta| {
        let mut variables = meta.clone();
        variables.add_environment(around);
        environment::replace(&variables);
        Executor::ready(&config, around, &StartInfo::of(handed_on), inspection())
    }))
}

/// The first request; None if the client sent none, or one that was refused.
fn receive(
    input: BorrowedFd<'_>,
    output: BorrowedFd<'_>,
    mut intake: HttpIntake,
) -> Result<Option<(Box<Asked>, Spool)>> {
    let mut block = vec![0; 64 * 1024];
    loop {
        match intake.step() {
            Step::NeedMore { say } => write(output, say)?,
            Step::Request(asked, content) => return Ok(Some((asked, content))),
            Step::Refused(refused) => {
                write(output, &refused.response)?;
                return Ok(None);
            }
            Step::Closed => return Ok(None),
        }
        match poll(
            &mut [PollFd::from_borrowed_fd(input, PollFlags::IN)],
            Some(&PATIENCE),
        ) {
            Ok(0) => {
                write(output, &intake.timed_out().response)?;
                return Ok(None);
            }
            Ok(_) => {
                let length = rustix::io::read(input, &mut block[..])?;
                intake.feed(&block[..length]);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn write(output: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(output, bytes))?;
        bytes = &bytes[written..];
    }
    Ok(())
}

/// Both ends, where standard input is a connection.
fn peer(input: &OwnedFd) -> Peer {
    let client = getpeername(input).ok().flatten();
    let client = client.and_then(|address| SocketAddr::try_from(address).ok());
    let server = getsockname(input).ok();
    let server = server.and_then(|address| SocketAddr::try_from(address).ok());
    let is_local = server.is_none_or(|address| address.ip().to_canonical().is_loopback());
    Peer::new(client, server, is_local)
}
