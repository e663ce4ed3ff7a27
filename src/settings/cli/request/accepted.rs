//! curl's options about the network, TLS, proxies and the progress meter. They are accepted, so that a pasted
//! curl command works, and have no effect, as this program uses none of these.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::passed_on::{PassedOn, Words};

/// The name, the letter, and whether a value follows.
type Row = (&'static str, Option<char>, bool);

const fn switch(name: &'static str) -> Row {
    (name, None, false)
}

const fn with_value(name: &'static str) -> Row {
    (name, None, true)
}

const ROWS: [Row; 90] = [
    ("insecure", Some('k'), false),
    ("silent", Some('s'), false),
    ("show-error", Some('S'), false),
    ("progress-bar", Some('#'), false),
    ("no-buffer", Some('N'), false),
    ("ipv4", Some('4'), false),
    ("ipv6", Some('6'), false),
    ("tlsv1", Some('1'), false),
    ("sslv2", Some('2'), false),
    ("sslv3", Some('3'), false),
    ("disable", Some('q'), false),
    ("proxytunnel", Some('p'), false),
    switch("alpn"),
    switch("basic"),
    switch("ca-native"),
    switch("cert-status"),
    switch("compressed-ssh"),
    switch("disallow-username-in-url"),
    switch("doh-insecure"),
    switch("false-start"),
    switch("http0.9"),
    switch("http1.1"),
    switch("http2"),
    switch("http2-prior-knowledge"),
    switch("http3"),
    switch("http3-only"),
    switch("keepalive"),
    switch("no-alpn"),
    switch("no-keepalive"),
    switch("no-progress-meter"),
    switch("no-sessionid"),
    switch("parallel"),
    switch("proxy-insecure"),
    switch("remove-on-error"),
    switch("retry-all-errors"),
    switch("retry-connrefused"),
    switch("ssl"),
    switch("ssl-allow-beast"),
    switch("ssl-auto-client-cert"),
    switch("ssl-no-revoke"),
    switch("ssl-reqd"),
    switch("ssl-revoke-best-effort"),
    switch("styled-output"),
    switch("no-styled-output"),
    switch("suppress-connect-headers"),
    switch("tcp-fastopen"),
    switch("tcp-nodelay"),
    switch("tlsv1.0"),
    switch("tlsv1.1"),
    switch("tlsv1.2"),
    switch("tlsv1.3"),
    ("cert", Some('E'), true),
    ("max-filesize", None, true),
    ("proxy", Some('x'), true),
    ("proxy-user", Some('U'), true),
    ("speed-limit", Some('Y'), true),
    ("speed-time", Some('y'), true),
    with_value("alt-svc"),
    with_value("cacert"),
    with_value("capath"),
    with_value("cert-type"),
    with_value("ciphers"),
    with_value("connect-timeout"),
    with_value("connect-to"),
    with_value("crlfile"),
    with_value("curves"),
    with_value("dns-interface"),
    with_value("dns-servers"),
    with_value("doh-url"),
    with_value("expect100-timeout"),
    with_value("happy-eyeballs-timeout-ms"),
    with_value("hsts"),
    with_value("interface"),
    with_value("keepalive-time"),
    with_value("key"),
    with_value("key-type"),
    with_value("limit-rate"),
    with_value("local-port"),
    with_value("noproxy"),
    with_value("pass"),
    with_value("pinnedpubkey"),
    with_value("preproxy"),
    with_value("proxy-header"),
    with_value("resolve"),
    with_value("retry"),
    with_value("retry-delay"),
    with_value("retry-max-time"),
    with_value("socks5"),
    with_value("socks5-hostname"),
    with_value("tls-max"),
];

/// All of them, together.
#[derive(Debug)]
pub struct Accepted;

impl Args for Accepted {
    fn augment_args(command: Command) -> Command {
        command.args(ROWS.iter().map(|&(name, letter, has_value)| {
            let action = if has_value {
                ArgAction::Append
            } else {
                ArgAction::Count
            };
            let arg = Arg::new(name).long(name).action(action).hide(true);
            match letter {
                Some(letter) => arg.short(letter),
                None => arg,
            }
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Accepted {
    fn from_arg_matches(_: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self)
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), clap::Error> {
        Ok(())
    }
}

impl PassedOn for Accepted {
    fn put(&self, _: &mut Vec<OsString>) {}

    fn take(_: &mut Words) -> Option<Self> {
        Some(Self)
    }
}
