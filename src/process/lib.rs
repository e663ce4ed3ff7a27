//! What concerns this process as the system sees it: its descriptors, its environment, its signals,
//! its terminal, the answer of last resort, and the error log.

pub mod access_log;
pub mod addresses;
pub mod arrival;
pub mod beside;
pub mod claim;
pub mod clock;
pub mod complete_output;
pub mod descriptors;
pub mod environment;
pub mod exit;
pub mod filter;
pub mod handed_on;
pub mod interrupts;
pub mod last_resort;
pub mod limits;
pub mod memory;
pub mod notify;
pub mod open_line;
pub mod program;
pub mod report;
pub mod settled;
pub mod signals;
pub mod spare;
pub mod stamp;
pub mod stop_on_close;
pub mod subject;
pub mod tally;
pub mod terminal;
pub mod times;
pub mod unread;
