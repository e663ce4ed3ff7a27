//! Images of scripts that a server's own user runs: on a stock Debian that user cannot write its home.

use std::fs;
use std::time::Duration;

use super::{Kind, Server, Site, run};
use crate::harness::folder;
use crate::harness::http_client::Request;
use crate::harness::instead::{self, Instead};
use crate::harness::server::eventually;

const HELLO: &str = "
import os
loaded_by = os.getpid()
def application(environ, start_response):
    start_response('200 OK', [])
    return [b'restored' if loaded_by != os.getpid() else b'cold']
";

#[test]
fn one_command_gives_the_servers_user_images() {
    run(Kind::ApacheCgid, |kind| {
        if !instead::is_possible() {
            return;
        }
        let machine = folder();
        crate::harness::copy_programs(machine.path());
        // As Debian has it, whose home is `/var/www`.
        for name in ["cache", "www"] {
            fs::create_dir(machine.path().join(name)).expect("a folder");
        }
        let seen = Instead::default()
            .of("/var/cache", machine.path().join("cache"))
            .of("/var/www", machine.path().join("www"));
        let first_line = format!("#!{}/wsgi-cgi --image\n", machine.path().display());
        let site = Site::new()
            .file("cgi-bin/hello.cgi", &format!("{first_line}{HELLO}"))
            .seeing(seen);
        let server = Server::start(kind, &site);
        let get = || {
            Request::get("/cgi-bin/hello.cgi")
                .send(server.address)
                .text()
        };
        assert_eq!(get(), "cold");
        let why = "cannot make an image: `/var/www/.cache/wsgi-cgi`: Permission denied";
        let line = || {
            let log = server.whole_log();
            log.lines()
                .find(|line| line.contains(why))
                .map(str::to_owned)
        };
        let patience = Duration::from_secs(20);
        assert!(
            eventually(patience, || line().is_some()),
            "{}",
            server.whole_log()
        );
        let line = line().expect("a line in the log");
        let command = line.split('`').find(|words| words.starts_with("sudo "));
        let command = command.expect("a command").strip_prefix("sudo ");
        let command = command.expect("sudo").replace("/var/cache", "cache");
        let done = std::process::Command::new("sh")
            .args(["-c", &command])
            .current_dir(machine.path())
            .status();
        assert!(done.expect("a shell").success(), "{command}");
        assert_eq!(get(), "cold");
        let restored = eventually(patience, || get() == "restored");
        assert!(restored, "{}", server.whole_log());
        assert_eq!(get(), "restored");
    });
}
