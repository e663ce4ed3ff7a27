//! What concerns this process as the system sees it: its descriptors, its environment, its signals,
//! its terminal, and the answer that is given when nothing else can be.

mod at_exit;
pub mod at_fork;
pub mod descriptors;
pub mod draws;
pub mod environment;
pub mod interrupts;
pub mod last_resort;
pub mod limits;
pub mod memory;
pub mod open_line;
pub mod signals;
pub mod spare;
pub mod stderr_tap;
pub mod terminal;
pub mod unread;
