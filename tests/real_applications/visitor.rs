//! Somebody with a browser: keeps cookies, sends forms, follows links.

use std::collections::BTreeMap;

use super::form;
use crate::harness::cgi::{Answer, Cgi};

/// Visits one application, request by request.
pub(super) struct Visitor<'a> {
    site: Box<dyn Fn() -> Cgi + 'a>,
    pub(super) cookies: BTreeMap<String, String>,
}

impl<'a> Visitor<'a> {
    /// A visitor of the application to which `site` makes a request.
    pub(super) fn new(site: impl Fn() -> Cgi + 'a) -> Self {
        Self {
            site: Box::new(site),
            cookies: BTreeMap::new(),
        }
    }

    /// Opens a page.
    #[track_caller]
    pub(super) fn get(&mut self, url: &str) -> Answer {
        let request = self.request(url);
        self.send(request)
    }

    /// Sends a form.
    #[track_caller]
    pub(super) fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self
            .request(url)
            .variable("CONTENT_TYPE", "application/x-www-form-urlencoded");
        self.send(request.post(form(fields)))
    }

    /// Opens the page that an answer leads to.
    #[track_caller]
    pub(super) fn follow(&mut self, answer: &Answer) -> Answer {
        let location = answer.header("Location");
        let [location] = location[..] else {
            panic!("no redirect: {}", answer.status)
        };
        let path = location
            .strip_prefix("http://example.org")
            .unwrap_or(location);
        self.get(
            path.strip_prefix("/app")
                .unwrap_or_else(|| panic!("{location} leads elsewhere")),
        )
    }

    /// A request of this visitor, for what a test adds to it.
    pub(super) fn request(&self, url: &str) -> Cgi {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let request = (self.site)().path(path).variable("QUERY_STRING", query);
        let request = request.variable("HTTP_HOST", "example.org");
        if self.cookies.is_empty() {
            return request;
        }
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        request.variable("HTTP_COOKIE", pairs.join("; "))
    }

    /// Sends a request and keeps the cookies of the answer.
    #[track_caller]
    pub(super) fn send(&mut self, request: Cgi) -> Answer {
        let answer = request.run();
        for cookie in answer.header("Set-Cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            // Django puts a space before it.
            let (name, value) = pair.trim().split_once('=').expect("a name and a value");
            if attributes.contains("Max-Age=0") || attributes.contains("1970") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// The value of a form's hidden field.
#[track_caller]
pub(super) fn hidden(answer: &Answer, name: &str) -> String {
    let page = answer.text();
    let field = page
        .split("<input")
        .find(|field| field.contains(&format!("name=\"{name}\"")) && field.contains("value=\""));
    let field = field.unwrap_or_else(|| panic!("no field {name} in {page}"));
    let value = field
        .split("value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    value.expect("a value").to_owned()
}
