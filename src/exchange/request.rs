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
    /// Sets a body aside whose length is told by its end alone, and says how long it is: many
    /// applications see no body where there is no `CONTENT_LENGTH` (RFC 3875, section 4.1.2).
    ///
    /// # Errors
    /// When it cannot be read or set aside, or an interruption means that it is to `stop`.
    pub fn know_length(&mut self, stop: impl Fn() -> bool) -> io::Result<()> {
        let Some(length) = ({
            let mut body = self.body.lock().expect("nobody has it yet");
            body.spool_to_end(stop)?
        }) else {
            return Ok(());
        };
        self.meta.set("CONTENT_LENGTH", length.to_string());
        Ok(())
    }
}
