//! The channel between the process that listens and the nursery, which has Python: to the nursery
//! one message for each request, with the connection, the content and the report as descriptors
//! (SCM_RIGHTS); back come the names of the files that the application was loaded from.

use std::ffi::OsStr;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType,
    recvmsg, send, sendmsg, shutdown, socketpair, sockopt,
};

use super::Form;
use exchange::MetaVariables;

/// A message holds a head of 64 KiB as meta-variables, some of it twice.
const MESSAGE: usize = 256 * 1024;

/// A message about files holds so many bytes of names, or one name.
const NAMES: usize = 16 * 1024;

/// A request that was read to its end, on its way to be answered.
#[derive(Debug)]
pub struct Handover {
    /// What is known of it.
    pub meta: MetaVariables,
    /// The protocol of the answer.
    pub form: Form,
    /// Whether the client is a person at this machine.
    pub is_local: bool,
    /// Whether the log was opened again since the nursery opened it: the worker has to open it too.
    pub opens_log: bool,
    /// The bytes of content.
    pub length: u64,
    /// The connection.
    pub socket: OwnedFd,
    /// The content.
    pub content: OwnedFd,
    /// Where the worker reports the outcome.
    pub report: OwnedFd,
}

/// One end.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    /// The buffer for messages: allocated once, as a process that forks pays for each page that it
    /// touches.
    message: Vec<u8>,
}

impl Channel {
    /// The listening process's end and the other one.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (one, other) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        for end in [&one, &other] {
            sockopt::set_socket_send_buffer_size(end, MESSAGE)?;
        }
        Ok((Self::from_other_end(one), other))
    }

    /// The other end, as it was inherited.
    #[must_use]
    pub fn from_other_end(descriptor: OwnedFd) -> Self {
        Self {
            socket: descriptor,
            message: vec![0; MESSAGE],
        }
    }

    /// Hands a request over. `WouldBlock` when there is no room now.
    pub fn hand_over(&self, request: &Handover) -> io::Result<()> {
        let message = encode(request);
        let descriptors = [&request.socket, &request.content, &request.report].map(AsFd::as_fd);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        sendmsg(
            &self.socket,
            &[IoSlice::new(&message)],
            &mut ancillary,
            flags,
        )?;
        Ok(())
    }

    /// Closes the channel for further requests.
    pub(super) fn close_for_requests(&self) {
        _ = shutdown(&self.socket, Shutdown::Write);
    }

    /// Waits for the next request; `None` when there will be none.
    pub fn next_request(&mut self) -> io::Result<Option<Handover>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let into = &mut [IoSliceMut::new(&mut self.message)];
            match recvmsg(&self.socket, into, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                received => break received?,
            }
        };
        let mut descriptors = ancillary.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        let Some(mut descriptors) = descriptors.next() else {
            return Ok(None);
        };
        let mut next = || descriptors.next();
        match (next(), next(), next()) {
            (Some(socket), Some(content), Some(report))
                if !received.flags.contains(ReturnFlags::TRUNC) =>
            {
                decode(&self.message[..received.bytes], [socket, content, report]).map(Some)
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Tells which files the application was loaded from; `None` when it could not be loaded.
    pub fn tell_loaded(&self, files: Option<&[PathBuf]>) -> io::Result<()> {
        let Some(files) = files else {
            return self.tell(b"!");
        };
        let mut message = Vec::new();
        for file in files {
            let name = file.as_os_str().as_bytes();
            if message.len() + name.len() > NAMES && !message.is_empty() {
                self.tell(&message)?;
                message.clear();
            }
            message.push(b'=');
            message.extend_from_slice(name);
            message.push(0);
        }
        message.push(b'.');
        self.tell(&message)
    }

    fn tell(&self, message: &[u8]) -> io::Result<()> {
        send(&self.socket, message, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// The next message of the nursery, if there is one.
    pub(super) fn told(&mut self) -> io::Result<Told> {
        match rustix::net::recv(&self.socket, &mut self.message[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) | Err(Errno::CONNRESET) => Ok(Told::Gone),
            Ok((length, _)) => Ok(Told::read(&self.message[..length])),
            Err(Errno::AGAIN | Errno::INTR) => Ok(Told::Nothing),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A message of the nursery.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    /// Some of the files that the application was loaded from, and whether these are the last.
    Files(Vec<PathBuf>, bool),
    /// The application could not be loaded.
    NotLoaded,
    Gone,
}

impl Told {
    fn read(message: &[u8]) -> Self {
        if message == b"!" {
            return Self::NotLoaded;
        }
        let is_last = message.last() == Some(&b'.');
        let names = message
            .split(|&byte| byte == 0)
            .filter_map(|name| name.strip_prefix(b"="));
        let paths = names.map(|name| Path::new(OsStr::from_bytes(name)).to_owned());
        Self::Files(paths.collect(), is_last)
    }
}

fn encode(request: &Handover) -> Vec<u8> {
    let mut message = vec![
        request.form.encoded(),
        u8::from(request.is_local),
        u8::from(request.opens_log),
    ];
    message.extend_from_slice(&request.length.to_le_bytes());
    for (name, value) in request.meta.iter() {
        for part in [name, b"\0", value, b"\0"] {
            message.extend_from_slice(part);
        }
    }
    message
}

/// No name or value holds a NUL: no protocol's grammar has one.
fn decode(message: &[u8], descriptors: [OwnedFd; 3]) -> io::Result<Handover> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let (&[form, is_local, opens_log], rest) = message.split_first_chunk().ok_or_else(malformed)?;
    let (length, rest) = rest.split_first_chunk().ok_or_else(malformed)?;
    let mut parts = rest.split(|&byte| byte == 0).map(<[u8]>::to_vec);
    let mut variables = Vec::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        variables.push((name, value));
    }
    let [socket, content, report] = descriptors;
    Ok(Handover {
        meta: MetaVariables::from_pairs(variables),
        form: Form::decoded(form).ok_or_else(malformed)?,
        is_local: is_local == 1,
        opens_log: opens_log == 1,
        length: u64::from_le_bytes(*length),
        socket,
        content,
        report,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};

    use crate::http::Version;

    const FORM: Form = Form::Http {
        version: Version::Http10,
        keep_alive: true,
    };

    #[test]
    fn a_request_arrives_with_its_descriptors() {
        let (near, far) = Channel::pair().expect("a pair");
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let null = || OwnedFd::from(File::open("/dev/null").expect("a device"));
        let pair = (b"A".to_vec(), vec![b'x'; 60_000]);
        let sent = Handover {
            meta: MetaVariables::from_pairs([pair, (b"B".to_vec(), Vec::new())]),
            form: FORM,
            is_local: false,
            opens_log: true,
            length: 7,
            socket: writer.into(),
            content: null(),
            report: null(),
        };
        near.hand_over(&sent).expect("handed over");
        let meta = sent.meta.clone();
        drop(sent);
        let mut far = Channel::from_other_end(far);
        let arrived = far.next_request().expect("received").expect("a request");
        assert_eq!(arrived.meta, meta);
        assert_eq!((arrived.form, arrived.is_local), (FORM, false));
        assert!(arrived.opens_log);
        File::from(arrived.socket)
            .write_all(b"through")
            .expect("written");
        let mut through = String::new();
        reader.read_to_string(&mut through).expect("read");
        assert_eq!(through, "through");

        drop(near);
        assert!(far.next_request().expect("the end").is_none());
    }

    #[test]
    fn many_files_take_several_messages() {
        let (mut near, far) = Channel::pair().expect("a pair");
        let far = Channel::from_other_end(far);
        let files: Vec<PathBuf> = (0..600)
            .map(|n| PathBuf::from(format!("/{n}/{}", "x".repeat(80))))
            .collect();
        far.tell_loaded(Some(&files)).expect("told");
        let mut arrived = Vec::new();
        loop {
            match near.told().expect("received") {
                Told::Files(more, is_last) => {
                    arrived.extend(more);
                    if is_last {
                        break;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(arrived, files);
    }
}
