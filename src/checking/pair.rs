//! Compares answers: HEAD with GET of the same URL, and a conditional request with the plain one.
//! What differs between two equal requests is not an error in a third.

use crate::answer::Answer;
use crate::rules::{self, Seen};

/// Compares the answer to HEAD with two answers to GET.
#[must_use]
pub fn head(get: &Answer, again: &Answer, head: &Answer) -> Vec<Seen> {
    let (Some(of_get), Some(of_head)) = (get.code, head.code) else {
        return Vec::new();
    };
    if again.code != Some(of_get) {
        return Vec::new();
    }
    if of_get < 400 && matches!(of_head, 405 | 501) {
        let text = format!("GET is answered with {of_get} and HEAD with {of_head}");
        return vec![(&rules::HEAD_REFUSED, text)];
    }
    if of_get != of_head {
        let text = format!("GET is answered with {of_get} and HEAD with {of_head}");
        return vec![(&rules::HEAD_DIFFERS, text)];
    }
    let mut seen = Vec::new();
    for name in [
        "content-length",
        "content-type",
        "etag",
        "last-modified",
        "location",
    ] {
        let steady = get
            .field(name)
            .filter(|_| get.field(name) == again.field(name));
        // RFC 9110, section 9.3.2: what is made with the content alone may be left out.
        if let (Some(of_get), Some(of_head)) = (steady, head.field(name))
            && of_get != of_head
        {
            let text = format!("`{name}` is {of_get:?} for GET and {of_head:?} for HEAD");
            seen.push((&rules::HEAD_DIFFERS, text));
        }
    }
    if let Some(announced) = head.announced().filter(|_| get.announced().is_none())
        && get.is_whole
        && get.length == again.length
        && get.length != announced
    {
        let text = format!(
            "`content-length` is {announced} for HEAD, but GET sends {} bytes",
            get.length
        );
        seen.push((&rules::HEAD_DIFFERS, text));
    }
    seen
}

/// Whether a request with the ETag of `get` as If-None-Match was answered with 304.
#[must_use]
pub fn condition(get: &Answer, again: &Answer, conditional: &Answer) -> Vec<Seen> {
    let is_steady = get.field("etag") == again.field("etag")
        && again.field("etag") == conditional.field("etag");
    let etag = get.field("etag").filter(|_| is_steady);
    match (etag, conditional.code) {
        (Some(etag), Some(200)) if get.code == Some(200) => {
            let text =
                format!("the ETag is {etag}, but If-None-Match: {etag} is answered with 200");
            vec![(&rules::ETAG_IGNORED, text)]
        }
        _ => Vec::new(),
    }
}
