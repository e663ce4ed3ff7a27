//! The options of an application: one table, and where each of them may be said. A flag wins over a
//! variable, a variable over the script, the script over the default.

mod block;
mod early;
mod environment;
mod requires_python;
mod script;
mod table;
mod typed;
mod values;

pub use block::{block, block_line, quoted};
pub use early::Early;
pub use environment::DOCTOR;
pub use requires_python::requires_python;
pub use script::{Invalid, of_script, valid_options};
pub use table::*;
pub use typed::{CgiOptions, FolderOption, MakeOptions, Options, ServeOptions};
pub use values::Values;
