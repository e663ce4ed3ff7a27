//! An example of a value that a schema of an OpenAPI document allows.

use super::{Api, DEEPEST};
use crate::document::Value;

impl Api<'_> {
    /// A value that this schema allows.
    pub(super) fn example_value(&self, schema: &Value) -> Value {
        self.value(schema, DEEPEST)
    }

    fn value(&self, schema: &Value, depth: usize) -> Value {
        if depth == 0 {
            return Value::Null;
        }
        if let Some(found) = self.at(schema) {
            return self.value(found, depth - 1);
        }
        if let Some(value) = example(schema) {
            return value;
        }
        for name in ["allOf", "oneOf", "anyOf"] {
            if let Some(parts) = schema.get(name) {
                let values: Vec<Value> = parts
                    .items()
                    .iter()
                    .map(|part| self.value(part, depth - 1))
                    .collect();
                let entries: Vec<_> = values
                    .iter()
                    .flat_map(|value| value.entries().to_vec())
                    .collect();
                return match values.into_iter().next() {
                    Some(Value::Map(_)) if name == "allOf" => Value::Map(entries),
                    Some(first) => first,
                    None => Value::Null,
                };
            }
        }
        let kind = match schema.get("type") {
            Some(Value::Text(kind)) => kind.as_str(),
            Some(Value::List(kinds)) => kinds.first().and_then(Value::text).unwrap_or_default(),
            _ if schema.get("properties").is_some() => "object",
            _ => "string",
        };
        match kind {
            "integer" | "number" => match schema.get("minimum") {
                Some(Value::Number(least)) => Value::Number(least.clone()),
                _ => Value::Number("1".into()),
            },
            "boolean" => Value::Bool(true),
            "null" => Value::Null,
            "array" => {
                let item = schema
                    .get("items")
                    .map(|items| self.value(items, depth - 1));
                Value::List(item.into_iter().collect())
            }
            "object" => {
                let properties = schema.get("properties").map_or(&[][..], Value::entries);
                let filled = properties
                    .iter()
                    .map(|(name, part)| (name.clone(), self.value(part, depth - 1)));
                Value::Map(filled.collect())
            }
            _ => Value::Text(text_of(schema)),
        }
    }
}

/// An example, a default or the first of the values that are allowed.
pub(super) fn example(described: &Value) -> Option<Value> {
    let examples = described.get("examples");
    let first = examples.and_then(|examples| match examples {
        Value::Map(entries) => entries.first().and_then(|(_, one)| one.get("value")),
        examples => examples.items().first(),
    });
    let said = described
        .get("example")
        .or(first)
        .or(described.get("default"));
    let allowed = described
        .get("enum")
        .and_then(|values| values.items().first());
    said.or(allowed).or(described.get("const")).cloned()
}

fn text_of(schema: &Value) -> String {
    let format = schema.get("format").and_then(Value::text);
    let text = match format.unwrap_or_default() {
        "date" => "2020-01-01",
        "date-time" => "2020-01-01T00:00:00Z",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "email" => "check@example.org",
        "uri" | "url" => "http://example.org/",
        "byte" => "Y2hlY2s=",
        _ => "check",
    };
    let least = match schema.get("minLength") {
        Some(Value::Number(least)) => least.parse().unwrap_or(0).min(1000),
        _ => 0,
    };
    format!("{text:x<least$}")
}
