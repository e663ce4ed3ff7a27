//! The meta-variables of one request (RFC 3875, section 4.1), as the bytes the server gave.
//!
//! Order is kept, names may hold any byte but `=` and NUL. `completion.rs` adds and corrects what a
//! server left out or got wrong; `content_length.rs` reads the length of the message-body.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// How the names of a request's variables begin; in a shell's environment they are ignored.
const OF_A_REQUEST: [&str; 10] = [
    "AUTH_TYPE",
    "CONTENT_",
    "HTTP_",
    "PATH_INFO",
    "PATH_TRANSLATED",
    "QUERY_STRING",
    "REMOTE_",
    "REQUEST_",
    "SCRIPT_",
    "SERVER_",
];

/// An ordered list of names and values; a name occurs once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetaVariables(Vec<(Vec<u8>, Vec<u8>)>);

impl MetaVariables {
    /// The environment of this process.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::from_pairs(
            std::env::vars_os()
                .map(|(name, value): (OsString, OsString)| (name.into_vec(), value.into_vec())),
        )
    }

    /// The given names and values. Of a repeated name the first counts, as with `getenv`.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        let pairs: Vec<(Vec<u8>, Vec<u8>)> = pairs.into_iter().collect();
        // Sorted by name, as there may be a hundred thousand. The sort is stable.
        let mut sorted: Vec<usize> = (0..pairs.len()).collect();
        sorted.sort_by(|&one, &other| pairs[one].0.cmp(&pairs[other].0));
        let mut is_first = vec![true; pairs.len()];
        for two in sorted.windows(2) {
            is_first[two[1]] = pairs[two[0]].0 != pairs[two[1]].0;
        }
        let pairs = pairs.into_iter().zip(is_first);
        Self(
            pairs
                .filter_map(|(pair, first)| first.then_some(pair))
                .collect(),
        )
    }

    /// The value of `name`. An empty value is the same as an unset one (RFC 3875, section 4.1).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.value(name.as_bytes())
            .filter(|value| !value.is_empty())
    }

    /// As [`get`](Self::get), but also found under the names that Apache gives a variable each
    /// time it redirects internally: `REDIRECT_NAME`, `REDIRECT_REDIRECT_NAME` and so on.
    #[must_use]
    pub fn get_redirected(&self, name: &str) -> Option<&[u8]> {
        self.get(name).or_else(|| {
            self.0.iter().find_map(|(key, value)| {
                let is_it = before_redirects(key) == Some(name.as_bytes());
                (is_it && !value.is_empty()).then_some(value.as_slice())
            })
        })
    }

    /// Sets `name`, in its place if it was there.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        let value = value.into();
        match self.0.iter_mut().find(|(key, _)| key == name.as_bytes()) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.as_bytes().to_vec(), value)),
        }
    }

    /// Removes `name` if it is there.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name.as_bytes());
    }

    /// Removes all with such a name.
    pub fn remove_all(&mut self, is_such: impl Fn(&[u8]) -> bool) {
        self.0.retain(|(name, _)| !is_such(name));
    }

    /// Adds the variables of a shell's environment, as a server adds its own, except for those that
    /// would look like a variable of the request.
    pub fn add_environment(&mut self, environment: &Self) {
        let around = environment.0.iter().cloned();
        let around = around.filter(|(name, _)| !is_request_variable(name));
        *self = Self::from_pairs(std::mem::take(&mut self.0).into_iter().chain(around));
    }

    /// Those of the request, without the environment that surrounds them.
    pub fn of_the_request(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.iter().filter(|(name, _)| is_request_variable(name))
    }

    /// Whether this is the environment of a CGI request.
    #[must_use]
    pub fn is_cgi_request(&self) -> bool {
        let names = [&b"GATEWAY_INTERFACE"[..], b"REQUEST_METHOD"];
        names.iter().any(|name| self.value(name).is_some())
    }

    /// All names and values in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// The value of `name`, an empty one too.
    #[must_use]
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_slice())
    }
}

/// The name that a variable had before Apache's internal redirects; `None` if there was no redirect.
pub(super) fn before_redirects(name: &[u8]) -> Option<&[u8]> {
    let mut rest = name.strip_prefix(b"REDIRECT_")?;
    while let Some(shorter) = rest.strip_prefix(b"REDIRECT_") {
        rest = shorter;
    }
    Some(rest)
}

/// Whether a variable of that name is one of a request's own.
#[must_use]
pub fn is_request_variable(name: &[u8]) -> bool {
    // Not HTTPS_PROXY, which is a setting.
    name == b"HTTPS"
        || OF_A_REQUEST
            .iter()
            .any(|own| name.starts_with(own.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> MetaVariables {
        MetaVariables::from_pairs(
            pairs
                .iter()
                .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())),
        )
    }

    #[test]
    fn of_a_repeated_name_the_first_counts() {
        let some = variables(&[
            ("B", "1"),
            ("A", "2"),
            ("B", "3"),
            ("C", ""),
            ("A", "4"),
            ("C", "5"),
        ]);
        assert_eq!(some, variables(&[("B", "1"), ("A", "2"), ("C", "")]));
        let mut request = variables(&[("PATH_INFO", "/"), ("A", "1")]);
        request.add_environment(&variables(&[("A", "2"), ("HTTP_X", "3"), ("D", "4")]));
        assert_eq!(
            request,
            variables(&[("PATH_INFO", "/"), ("A", "1"), ("D", "4")])
        );
    }

    #[test]
    fn an_empty_value_counts_as_unset() {
        assert_eq!(
            variables(&[("CONTENT_LENGTH", "")]).get("CONTENT_LENGTH"),
            None
        );
    }

    #[test]
    fn a_redirected_name_is_found_through_any_chain() {
        let chained = variables(&[("REDIRECT_REDIRECT_HTTP_AUTHORIZATION", "Basic x")]);
        assert_eq!(
            chained.get_redirected("HTTP_AUTHORIZATION"),
            Some(&b"Basic x"[..])
        );
        assert_eq!(chained.get("HTTP_AUTHORIZATION"), None);
    }

    #[test]
    fn the_plain_name_wins_over_a_redirected_one() {
        let both = variables(&[("REDIRECT_X", "old"), ("X", "new")]);
        assert_eq!(both.get_redirected("X"), Some(&b"new"[..]));
    }
}
