//! What who makes an image by hand sees while it takes long: at a terminal, and nowhere else.

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
fn a_step_that_takes_long_is_said() {
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
fn nobody_is_told_who_has_no_terminal() {
    let site = Site::new(&format!("import time\ntime.sleep(1.2)\n{HELLO}"));
    site.make();
    assert_eq!(site.restored(), "restored");
}
