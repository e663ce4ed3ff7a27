//! Which environment variables an image depends on, and whether they have changed.

use super::Stale;
use crate::format::{Head, sum};
use exchange::{MetaVariables, is_request_variable};

pub(super) fn check(head: &Head, environment: &MetaVariables) -> Result<(), Stale> {
    for (name, value) in &head.variables {
        if environment.value(name).map(digest) != *value {
            return Err(Stale::variable(name, "has changed"));
        }
    }
    for (name, _) in environment.iter() {
        if is_watched(name) && !head.variables.iter().any(|(known, _)| known == name) {
            return Err(Stale::variable(name, "is new"));
        }
    }
    if head.names != 0 && head.names != sum_of_names(environment.iter().map(|(name, _)| name)) {
        return Err(Stale {
            reason:
                "environment variables were added or removed, and the application lists them all \
                     while loading"
                    .into(),
            is_passing: true,
        });
    }
    Ok(())
}

/// A hash of the names that belong neither to a request nor to the server, in any order.
#[must_use]
pub fn sum_of_names<'a>(names: impl Iterator<Item = &'a [u8]>) -> u64 {
    names
        .filter(|name| is_neither_of_a_request_nor_the_server(name))
        .fold(1, |total, name| total.wrapping_add(sum(name) | 1))
}

/// Variables that C libraries may read without Python's knowledge.
const WATCHED: [&str; 11] = [
    "GLIBC_TUNABLES",
    "LANG",
    "LC_",
    "LD_",
    "MALLOC_",
    "OMP_",
    "OPENBLAS_",
    "OPENSSL_",
    "PYTHON",
    "SSL_CERT_",
    "TZ",
];

fn is_watched(name: &[u8]) -> bool {
    // Apache adds this prefix; a client cannot, as its header fields get the prefix `HTTP_`.
    let mut setting = name;
    while let Some(shorter) = setting.strip_prefix(b"REDIRECT_") {
        setting = shorter;
    }
    setting.starts_with(b"WSGI_CGI_")
        || setting == b"VIRTUAL_ENV"
        || WATCHED
            .iter()
            .any(|start| name.starts_with(start.as_bytes()))
}

/// Variables about the server or the script's place, the same for every request; no client can set them.
const OF_THE_SERVER: [&[u8]; 7] = [
    b"CONTEXT_DOCUMENT_ROOT",
    b"CONTEXT_PREFIX",
    b"GATEWAY_INTERFACE",
    b"SCRIPT_FILENAME",
    b"SERVER_ADDR",
    b"SERVER_ADMIN",
    b"SERVER_SOFTWARE",
];

/// Whether a variable, by its name, does not belong to a request. The list below has those of Apache's modules
/// and nginx. HTTPS_PROXY is a setting: a client's header field would be called HTTP_...
#[must_use]
pub fn does_not_belong_to_a_request(name: &[u8]) -> bool {
    let of_a_request = [
        &b"CONTEXT_"[..],
        b"DOCUMENT_NAME",
        b"DOCUMENT_PATH_INFO",
        b"DOCUMENT_URI",
        b"H2_",
        b"HTTP2",
        b"SSL_",
        b"UNIQUE_ID",
    ];
    let is_renamed = name.starts_with(b"REDIRECT_");
    is_watched(name)
        || OF_THE_SERVER.contains(&name)
        || name == b"HTTPS_PROXY"
        || !is_request_variable(name)
            && !is_renamed
            && !of_a_request.iter().any(|start| name.starts_with(start))
}

/// Whether a variable belongs neither to a request nor to the server. (`image make` on a command line does not
/// know those of the server.)
#[must_use]
pub fn is_neither_of_a_request_nor_the_server(name: &[u8]) -> bool {
    does_not_belong_to_a_request(name) && !OF_THE_SERVER.contains(&name)
}

/// Whether the maker gets a variable from the start, without asking the observer: C libraries may read it, or
/// it is needed to find programs and the user's files.
#[must_use]
pub fn is_given_at_start(name: &[u8]) -> bool {
    let basic = [
        &b"HOME"[..],
        b"LOGNAME",
        b"PATH",
        b"SHELL",
        b"TMPDIR",
        b"USER",
        b"XDG_CACHE_HOME",
    ];
    is_watched(name) || basic.contains(&name)
}

/// A hash of a variable's value: the value may be secret and must not be in a file.
fn digest(value: &[u8]) -> Vec<u8> {
    let backwards: Vec<u8> = value.iter().rev().copied().collect();
    [sum(value), sum(&backwards)].map(u64::to_le_bytes).concat()
}

/// The variables that an image depends on, with hashes of their values: those that were read, and those for C
/// libraries.
#[must_use]
pub fn variables(read: &[Vec<u8>], environment: &MetaVariables) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let watched = environment.iter().map(|(name, _)| name);
    let mut names: Vec<&[u8]> = watched.filter(|name| is_watched(name)).collect();
    names.extend(read.iter().map(Vec::as_slice));
    names.sort_unstable();
    names.dedup();
    let value = |name: &[u8]| environment.value(name).map(digest);
    names
        .into_iter()
        .map(|name| (name.to_vec(), value(name)))
        .collect()
}

/// The variables that do not belong to a request: only these may be in an image.
#[must_use]
pub fn outside(variables: &MetaVariables) -> MetaVariables {
    let kept = variables
        .iter()
        .filter(|(name, _)| does_not_belong_to_a_request(name))
        .map(|(name, value)| (name.to_vec(), value.to_vec()));
    MetaVariables::from_pairs(kept)
}
