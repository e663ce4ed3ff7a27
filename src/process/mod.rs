//! What concerns this process as the system sees it: its descriptors, its signals, and the answer
//! that is given when nothing else can be.

pub mod descriptors;
pub mod last_resort;
pub mod memory;
pub mod signals;
