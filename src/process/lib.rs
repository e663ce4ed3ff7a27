//! What concerns this process as the system sees it: its descriptors, its environment, its signals,
//! its terminal, the answer of last resort, and the error log.

pub mod access_log;
pub mod addresses;
pub mod answering_child;
pub mod arrival;
pub mod claim;
pub mod clock;
pub mod complete_output;
pub mod descriptor_copies;
pub mod descriptors;
pub mod environment;
pub mod exit;
pub mod filter;
pub mod handed_on;
pub mod interrupts;
pub mod last_resort;
pub mod limits;
pub mod log_subject;
pub mod log_time;
pub mod memory;
pub mod notify;
pub mod open_line;
pub mod program;
pub mod report;
pub mod runtime_setup;
pub mod signals;
pub mod stop_on_close;
pub mod tally;
pub mod terminal;
pub mod timer;
pub mod times;
pub mod unread_body;
