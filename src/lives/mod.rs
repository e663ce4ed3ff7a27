//! Each kind of process that the program may be, one file each: it tells that process's life.

pub(crate) mod cgi;
mod follower;
pub(crate) mod listener;
pub(crate) mod observer;
mod places;
pub(crate) mod trial;
mod waiting;
