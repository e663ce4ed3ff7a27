//! A log entry about a host that Django refused: the process that calls the application writes it when `doctor` asks,
//! and `doctor` reads it.

use std::fmt;

use crate::json::quoted;

/// What Django refused, and by which setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedHost {
    /// The host of the request.
    pub host: String,
    /// The setting `ALLOWED_HOSTS`.
    pub allowed: Vec<String>,
    /// The file of the settings; empty if it is not known.
    pub file: String,
}

const BEGIN: &str = "Django refuses the host ";
const ALLOWED: &str = ", which is not in ALLOWED_HOSTS = ";
/// After the list of hosts.
const FILE: &str = "] of ";

impl RefusedHost {
    /// The first such entry in a log.
    #[must_use]
    pub fn find(log: &str) -> Option<Self> {
        let entry = log.split_once(BEGIN)?.1.lines().next()?;
        let (host, rest) = entry.split_once(ALLOWED)?;
        let (allowed, file) = rest.split_once(FILE)?;
        let between_quotes = |text: &str| text.trim_matches('"').to_owned();
        Some(Self {
            host: between_quotes(host),
            allowed: allowed
                .split('"')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect(),
            file: between_quotes(file),
        })
    }

    /// `ALLOWED_HOSTS` as a line of Python, with this host too.
    #[must_use]
    pub fn line_with(&self, host: &str) -> String {
        let hosts = self.allowed.iter().map(String::as_str).chain([host]);
        format!("ALLOWED_HOSTS = {}", list(hosts))
    }
}

impl fmt::Display for RefusedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let allowed = list(self.allowed.iter().map(String::as_str));
        let allowed = allowed.trim_end_matches(']');
        let (host, file) = (quoted(&self.host), quoted(&self.file));
        write!(f, "{BEGIN}{host}{ALLOWED}{allowed}{FILE}{file}")
    }
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.map(quoted).collect();
    format!("[{}]", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_in_a_log() {
        for allowed in [&[][..], &["example.org"], &[".example.org", "localhost"]] {
            let refused = RefusedHost {
                host: "shop.example.org:8080".to_owned(),
                allowed: allowed.iter().map(|&host| host.to_owned()).collect(),
                file: "/srv/all of it/settings.py".to_owned(),
            };
            let log = format!("Bad Request: /\nwsgi-cgi: GET /: {refused}\nmore\n");
            assert_eq!(RefusedHost::find(&log), Some(refused));
        }
        assert_eq!(RefusedHost::find("Django refuses the host \"x\"\n"), None);
    }

    #[test]
    fn the_line_has_the_other_hosts_too() {
        let refused = RefusedHost {
            host: "b".to_owned(),
            allowed: vec!["a".to_owned()],
            file: String::new(),
        };
        assert_eq!(refused.line_with("b"), "ALLOWED_HOSTS = [\"a\", \"b\"]");
    }
}
