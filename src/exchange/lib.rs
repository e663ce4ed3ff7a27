//! One exchange in plain Rust: what was asked and how it is answered.
//!
//! Neither Python nor a transport is known here. A transport provides a [`Request`] and a
//! [`ResponseWriter`]; the gateway uses a [`Responder`], which decides what may be sent when.
#![forbid(unsafe_code)]

mod completion;
mod content_length;
mod debug_page;
mod error_page;
mod failure;
mod fault;
mod headers;
pub mod json;
mod kept_body;
mod masked;
mod message_body;
mod meta_variables;
mod mount;
mod observer;
mod plain_page;
mod query;
mod refused_host;
mod request;
mod responder;
mod response_head;
mod secrets;
mod status;
mod url_path;

pub use content_length::{BodyLength, BodyLengthError};
pub use debug_page::DebugPage;
pub use error_page::error_page;
pub use failure::Failure;
pub use fault::{
    CONTEXT, FAULTS, FIRST_FRAMES, Fault, Frame, LAST_FRAMES, LOCALS, Link, MESSAGE, Owner, Source,
};
pub use headers::{HeaderError, Headers, is_hop_by_hop};
pub use kept_body::KeptBody;
pub use masked::{Form, masked_value};
pub use message_body::{MessageBody, PATIENCE};
pub use meta_variables::{MetaVariables, is_request_variable};
pub use mount::AUTO;
pub use observer::{Event, Observer};
pub use plain_page::plain_page;
pub use refused_host::RefusedHost;
pub use request::{Request, SharedBody};
pub use responder::{Claim, Flow, Responder, ResponseWriter, SendError, Start};
pub use response_head::ResponseHead;
pub use secrets::{MASKED, is_secret, is_secret_name};
pub use status::{Status, StatusError};
