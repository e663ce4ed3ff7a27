//! What a transport hands over: the meta-variables and the message-body.

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
