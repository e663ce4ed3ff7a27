//! An OpenAPI document (3.x, and Swagger 2.0) as requests: one for each operation, with an example, a
//! default, or the plainest value of its type in each place that has to be filled.

mod schema;

use std::fmt::Write as _;

use crate::document::Value;
use crate::request::Asked;
use exchange::json::quoted;
use schema::example;

/// How many references in a row are followed: they may form a cycle.
const DEEPEST: usize = 12;

const METHODS: [&str; 8] = [
    "get", "head", "options", "post", "put", "patch", "delete", "trace",
];

/// The requests; with `is_safe` only those that change nothing.
///
/// # Errors
/// For a document that is not OpenAPI, in one line.
pub fn requests(document: &Value, is_safe: bool) -> Result<Vec<Asked>, String> {
    if document.get("openapi").is_none() && document.get("swagger").is_none() {
        return Err("it is not an OpenAPI document: it has neither `openapi` nor `swagger`".into());
    }
    let Some(Value::Map(paths)) = document.get("paths") else {
        return Err("it has no `paths`".into());
    };
    let api = Api { document };
    let prefix = api.prefix();
    let mut list = Vec::new();
    for (path, item) in paths {
        let item = api.resolve(item, DEEPEST);
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                let asked = api.request(method, &format!("{prefix}{path}"), item, operation);
                list.extend(Some(asked).filter(|asked| !is_safe || asked.is_safe()));
            }
        }
    }
    Ok(list)
}

struct Api<'a> {
    document: &'a Value,
}

impl<'a> Api<'a> {
    /// The path of the first server.
    fn prefix(&self) -> String {
        let servers = self.document.get("servers").map_or(&[][..], Value::items);
        let url = servers.first().and_then(|server| server.get("url"));
        let base = self.document.get("basePath");
        let url = url.or(base).and_then(Value::text).unwrap_or_default();
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
            None => url,
        };
        let path = if path.contains('{') { "" } else { path };
        path.trim_end_matches('/').to_owned()
    }

    /// What a reference leads to.
    fn resolve(&self, value: &'a Value, depth: usize) -> &'a Value {
        let Some(reference) = value.get("$ref").and_then(Value::text) else {
            return value;
        };
        let Some(place) = reference.strip_prefix("#/").filter(|_| depth > 0) else {
            return &Value::Null;
        };
        let mut found = self.document;
        for name in place.split('/') {
            let name = name.replace("~1", "/").replace("~0", "~");
            match found.get(&name) {
                Some(next) => found = next,
                None => return &Value::Null,
            }
        }
        self.resolve(found, depth - 1)
    }

    fn request(&self, method: &str, path: &str, item: &'a Value, operation: &'a Value) -> Asked {
        let mut asked = Asked::new(&method.to_ascii_uppercase(), "");
        let mut url = path.to_owned();
        let mut query = Vec::new();
        let mut form = Vec::new();
        let all = [item, operation].map(|of| of.get("parameters").map_or(&[][..], Value::items));
        for parameter in all.concat().iter().map(|of| self.parameter(of)) {
            let Some((name, place, value, is_required)) = parameter else {
                continue;
            };
            let text = encoded(&value.plain());
            match place.as_str() {
                "path" => url = url.replace(&format!("{{{name}}}"), &text),
                "query" if is_required => query.push(format!("{}={text}", encoded(&name))),
                "header" if is_required => asked.fields.push((name, value.plain())),
                "formData" if is_required => form.push(format!("{}={text}", encoded(&name))),
                "body" => asked.content = Some(("application/json".into(), value.json().into())),
                _ => {}
            }
        }
        // What is not described still has to be filled.
        while let Some((start, end)) = url.find('{').and_then(|start| {
            let end = url[start..].find('}')?;
            Some((start, start + end))
        }) {
            url.replace_range(start..=end, "1");
        }
        if !query.is_empty() {
            url = format!("{url}?{}", query.join("&"));
        }
        asked.url = url;
        if !form.is_empty() {
            asked = asked.sending("application/x-www-form-urlencoded", form.join("&"));
        }
        if let Some(body) = operation.get("requestBody") {
            asked.content = self.content(self.resolve(body, DEEPEST));
        }
        asked.remarked("from the OpenAPI file")
    }

    /// Its name, place, value, and whether it is required.
    fn parameter(&self, parameter: &Value) -> Option<(String, String, Value, bool)> {
        let reference = parameter.get("$ref").is_some();
        let found = self.at(parameter);
        let parameter = if reference { found? } else { parameter };
        let text = |name| parameter.get(name).and_then(Value::text).map(str::to_owned);
        let is_required = parameter.get("required") == Some(&Value::Bool(true));
        let schema = parameter.get("schema");
        let value = example(parameter)
            .or_else(|| schema.map(|schema| self.example_value(schema)))
            .unwrap_or_else(|| self.example_value(parameter));
        Some((text("name")?, text("in")?, value, is_required))
    }

    /// As [`resolve`](Self::resolve), for a value of any origin.
    fn at(&self, value: &Value) -> Option<&'a Value> {
        let reference = value.get("$ref").and_then(Value::text)?;
        let mut found = self.document;
        for name in reference.strip_prefix("#/")?.split('/') {
            found = found.get(&name.replace("~1", "/").replace("~0", "~"))?;
        }
        Some(self.resolve(found, DEEPEST))
    }

    /// The content that a request body describes.
    fn content(&self, body: &Value) -> Option<(String, Vec<u8>)> {
        let kinds = body.get("content")?.entries();
        let (media_type, described) = kinds
            .iter()
            .find(|(name, _)| name.contains("json"))
            .or_else(|| kinds.first())?;
        let value = example(described).unwrap_or_else(|| {
            let schema = described.get("schema").unwrap_or(&Value::Null);
            self.example_value(schema)
        });
        let text = if media_type.contains("json") {
            value.json()
        } else if media_type.contains("urlencoded") {
            let pairs = value.entries().iter();
            let pairs =
                pairs.map(|(name, value)| format!("{}={}", encoded(name), encoded(&value.plain())));
            pairs.collect::<Vec<_>>().join("&")
        } else {
            value.plain()
        };
        Some((media_type.clone(), text.into_bytes()))
    }
}

/// Percent-encodes all but letters, digits and `-._~` (RFC 3986, section 2.3).
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The error for a document that cannot be used.
#[must_use]
pub fn unreadable(file: &str, why: &str) -> String {
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "the OpenAPI file {} cannot be used: {why}",
        quoted(file).replace('"', "`")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn map(entries: &[(&str, Value)]) -> Value {
        let entries = entries
            .iter()
            .map(|(name, value)| ((*name).into(), value.clone()));
        Value::Map(entries.collect())
    }

    #[test]
    fn each_operation_becomes_a_request() {
        let id = map(&[
            ("name", text("id")),
            ("in", text("path")),
            ("schema", map(&[("type", text("integer"))])),
        ]);
        let word = map(&[
            ("name", text("q")),
            ("in", text("query")),
            ("required", Value::Bool(true)),
            ("example", text("a b")),
        ]);
        let note = map(&[(
            "properties",
            map(&[
                ("text", map(&[("type", text("string"))])),
                ("self", map(&[("$ref", text("#/components/Note"))])),
            ]),
        )]);
        let body = map(&[(
            "content",
            map(&[(
                "application/json",
                map(&[("schema", map(&[("$ref", text("#/components/Note"))]))]),
            )]),
        )]);
        let document = map(&[
            ("openapi", text("3.0.0")),
            (
                "servers",
                Value::List(vec![map(&[("url", text("https://example.org/v1/"))])]),
            ),
            ("components", map(&[("Note", note)])),
            (
                "paths",
                map(&[(
                    "/notes/{id}/{other}",
                    map(&[
                        ("parameters", Value::List(vec![id])),
                        ("get", map(&[("parameters", Value::List(vec![word]))])),
                        ("post", map(&[("requestBody", body)])),
                    ]),
                )]),
            ),
        ]);
        let list = requests(&document, false).expect("requests");
        let lines: Vec<_> = list
            .iter()
            .map(|asked| format!("{} {}", asked.method, asked.url))
            .collect();
        assert_eq!(lines, ["GET /v1/notes/1/1?q=a%20b", "POST /v1/notes/1/1"]);
        let (media_type, content) = list[1].content.clone().expect("content");
        assert_eq!(media_type, "application/json");
        assert!(content.starts_with(b"{\"text\": \"check\", \"self\": {\"text\""));
        assert_eq!(requests(&document, true).expect("requests").len(), 1);
        assert!(requests(&map(&[]), true).is_err());
    }
}
