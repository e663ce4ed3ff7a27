//! One test binary: a module per behaviour, the strict builders in `harness/`, and the
//! applications under `apps/`, one behaviour each.

mod harness;

mod access_log;
mod after_the_answer;
mod application;
mod bytecode;
mod check;
mod closing;
mod debug_page;
mod docs;
mod doctor;
mod environ;
mod errors;
mod examples;
mod file_wrapper;
mod frameworks;
mod headers;
mod image;
mod in_python;
mod input;
mod install;
mod install_command;
mod invocation;
mod log_entries;
mod one_run;
mod oracle;
mod own_ways;
mod process;
mod readme;
mod real_applications;
mod record;
mod replayed;
mod request;
mod scgi;
mod serve;
mod server_user;
mod servers;
mod site;
mod standard_script;
mod start_response;
mod streaming;
mod together;
mod unanswered;
mod venv;
mod way_out;
