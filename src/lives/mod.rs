//! Each kind of process that the program can be: one file each, from its start to its end.

pub(crate) mod cgi;
mod follower;
mod listen_addresses;
pub(crate) mod listener;
pub(crate) mod observer;
mod panicking;
pub(crate) mod trial;
mod waiting;

pub(crate) use waiting::SAID_ABOVE;
