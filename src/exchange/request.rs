//! What a transport hands over: the meta-variables and the message-body.

use std::io;
use std::sync::{Arc, Mutex};

use super::{MessageBody, MetaVariables};

/// The message-body, shared by the application, which reads it, and the response writer, which
/// must empty the server's pipe when its own is full.
pub type SharedBody = Arc<Mutex<MessageBody>>;

/// One request, complete but for what is still in the pipe.
#[derive(Clone, Debug)]
pub struct Request {
    /// The meta-variables, already completed.
    pub meta: MetaVariables,
    /// The message-body.
    pub body: SharedBody,
}

impl Request {
    /// Stores a body of unknown length and sets CONTENT_LENGTH: without it many applications see no
    /// body (RFC 3875, section 4.1.2).
    ///
    /// # Errors
    /// When it cannot be read or stored, or when it is interrupted and has to `stop`.
    pub fn know_length(&mut self, stop: impl Fn() -> bool) -> io::Result<()> {
        let Some(length) = ({
            let mut body = self.body.lock().expect("no other thread has it yet");
            body.spool_to_end(stop)?
        }) else {
            return Ok(());
        };
        self.meta.set("CONTENT_LENGTH", length.to_string());
        Ok(())
    }
}
