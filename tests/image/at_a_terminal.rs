//! `image make` shows the current step if it takes long, but only at a terminal.

use std::process::Command;

use super::{HELLO, Site, programs};
use crate::harness::terminal::Terminal;

fn make(site: &Site) -> Command {
    let mut command = Command::new(programs().join("wsgi-cgi"));
    command
        .args(["image", "make", "app.cgi"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("WSGI_CGI_CACHE_DIR", site.cache())
        .current_dir(site.folder());
    command
}

#[test]
fn a_slow_step_is_shown_at_a_terminal() {
    let waits = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\n";
    let site = Site::new(&format!("{waits}{HELLO}"));
    let mut terminal = Terminal::start(make(&site));
    terminal.wait_for("wsgi-cgi: loading the application ...");
    assert!(site.kept("image").is_empty());
    std::fs::write(site.file("go"), "").expect("written");
    let (seen, exit) = terminal.end();
    assert_eq!(exit, 0, "{seen}");
    assert_eq!(site.restored(), "restored");
}

#[test]
fn nothing_is_shown_without_a_terminal() {
    let site = Site::new(&format!("import time\ntime.sleep(1.2)\n{HELLO}"));
    site.make();
    assert_eq!(site.restored(), "restored");
}
