//! Structural schemas (Kubernetes, "Specifying a structural schema"): the part of OpenAPI that a CRD may use, judged as strictly as
//! `kubectl apply` with field validation, in the API server's words.
//!
//! A general JSON Schema validator knows neither lists that are maps or sets nor fields that are pruned, and says everything in other words.

use std::collections::BTreeSet;

use jiff::Timestamp;
use regex::Regex;
use serde_json::{Map, Value};

/// Takes out what is null in objects, as the server does where a field is not nullable; none of ours is.
pub fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// What is wrong with `value`, a line each, in the order of the schema's fields.
pub fn check(schema: &Value, value: &Value) -> Vec<String> {
    let mut walk = Walk { problems: Vec::new() };
    walk.value(schema, value, "");
    walk.problems
}

struct Walk {
    problems: Vec<String>,
}

impl Walk {
    fn say(&mut self, path: &str, what: &str) {
        self.problems.push(format!("{path}: {what}"));
    }

    fn value(&mut self, schema: &Value, value: &Value, path: &str) {
        let int_or_string = schema["x-kubernetes-int-or-string"] == true;
        let wanted = schema["type"].as_str().unwrap_or_default();
        let right = match wanted {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => is_integer(value),
            "number" => value.is_number(),
            _ if int_or_string => is_integer(value) || value.is_string(),
            _ => true,
        };
        if !right {
            let wanted = if int_or_string { "integer or string" } else { wanted };
            return self.say(path, &format!("Invalid value: {}: must be of type {wanted}", shown(value)));
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            let names: Vec<String> = allowed.iter().map(Value::to_string).collect();
            self.say(path, &format!("Unsupported value: {}: supported values: {}", shown(value), names.join(", ")));
        }
        match value {
            Value::Object(fields) => self.object(schema, fields, path),
            Value::Array(items) => self.array(schema, items, path),
            Value::String(text) => self.string(schema, text, path),
            Value::Number(number) => self.number(schema, number.as_f64().unwrap_or_default(), path),
            _ => {}
        }
    }

    fn object(&mut self, schema: &Value, fields: &Map<String, Value>, path: &str) {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                self.say(&below(name), "Required value");
            }
        }
        self.most(schema, "maxProperties", fields.len(), path);
        let properties = schema["properties"].as_object();
        let others = Some(&schema["additionalProperties"]).filter(|others| others.is_object());
        // metadata, and objects of which nothing is said, are the server's own.
        let open = schema["x-kubernetes-preserve-unknown-fields"] == true || (properties.is_none() && others.is_none());
        for (name, value) in fields {
            match properties.and_then(|properties| properties.get(name)).or(others) {
                Some(schema) => self.value(schema, value, &below(name)),
                None if open || (path.is_empty() && ["apiVersion", "kind", "metadata"].contains(&name.as_str())) => {}
                None => self.problems.push(format!("unknown field {:?}", below(name))),
            }
        }
    }

    fn array(&mut self, schema: &Value, items: &[Value], path: &str) {
        self.most(schema, "maxItems", items.len(), path);
        if let Some(least) = schema["minItems"].as_u64()
            && (items.len() as u64) < least
        {
            self.say(path, &format!("should have at least {least} items"));
        }
        for (index, item) in items.iter().enumerate() {
            self.value(&schema["items"], item, &format!("{path}[{index}]"));
        }
        let keys: Vec<&str> =
            schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let identity = match schema["x-kubernetes-list-type"].as_str() {
                Some("map") => keys.iter().map(|key| item[*key].to_string()).collect::<Vec<_>>().join(", "),
                Some("set") => item.to_string(),
                _ => continue,
            };
            if !seen.insert(identity.clone()) {
                self.say(&format!("{path}[{index}]"), &format!("Duplicate value: {identity}"));
            }
        }
    }

    fn string(&mut self, schema: &Value, text: &str, path: &str) {
        if let Some(most) = schema["maxLength"].as_u64()
            && text.chars().count() as u64 > most
        {
            self.say(path, &format!("Too long: may not be more than {most} characters"));
        }
        if let Some(least) = schema["minLength"].as_u64()
            && (text.chars().count() as u64) < least
        {
            self.say(path, &format!("Invalid value: {text:?}: should be at least {least} chars long"));
        }
        if schema["format"] == "date-time" && !(text.contains('T') && text.parse::<Timestamp>().is_ok()) {
            let example = "write it in RFC 3339, for example 2026-03-01T18:00:00Z";
            self.say(path, &format!("Invalid value: {text:?}: must be of type date-time: {example}"));
        }
        // Go's expressions and these agree on all that a schema of ours uses; one that does not compile is left to the server.
        if let Some(pattern) = schema["pattern"].as_str()
            && Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text))
        {
            // The rule beside the pattern says it in words.
            let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
            let words = rules.filter_map(|rule| rule["message"].as_str()).next();
            let why = words.map_or_else(|| format!("should match {pattern:?}"), str::to_owned);
            self.say(path, &format!("Invalid value: {text:?}: {why}"));
        }
    }

    fn number(&mut self, schema: &Value, number: f64, path: &str) {
        if let Some(least) = schema["minimum"].as_f64()
            && number < least
        {
            self.say(path, &format!("Invalid value: {number}: should be greater than or equal to {least}"));
        }
        if let Some(most) = schema["maximum"].as_f64()
            && number > most
        {
            self.say(path, &format!("Invalid value: {number}: should be less than or equal to {most}"));
        }
    }

    fn most(&mut self, schema: &Value, keyword: &str, count: usize, path: &str) {
        if let Some(most) = schema[keyword].as_u64()
            && count as u64 > most
        {
            self.say(path, &format!("Too many: {count}: must have at most {most} items"));
        }
    }
}

/// A whole number; `3.0` is one, as for the server.
fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// A value as far as a message needs it.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "object".into(),
        Value::Array(_) => "array".into(),
        other => {
            let text = other.to_string();
            if text.chars().count() > 80 { text.chars().take(80).chain(['…']).collect() } else { text }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_keyword_is_judged() {
        let schema = json!({
            "type": "object", "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1.0, "maximum": 9.0},
                "mode": {"type": "string", "enum": ["A", "B"]},
                "name": {"type": "string", "maxLength": 3, "minLength": 1, "pattern": "^[a-z]*$"},
                "value": {"x-kubernetes-int-or-string": true},
                "until": {"type": "string", "format": "date-time"},
                "set": {"type": "array", "maxItems": 2, "minItems": 1, "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "map": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": {"type": "object"}},
                "labels": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "string"}},
            },
        });
        for (value, said) in [
            (json!({"size": 1}), ""),
            (json!({"size": 3.0, "mode": "A", "name": "a", "value": "5m", "set": ["x"], "labels": {"a": "b"}}), ""),
            (json!({}), "size: Required value"),
            (json!({"size": 0}), "size: Invalid value: 0: should be greater than or equal to 1"),
            (json!({"size": 10}), "size: Invalid value: 10: should be less than or equal to 9"),
            (json!({"size": "x"}), "size: Invalid value: \"x\": must be of type integer"),
            (json!({"size": 1.5}), "size: Invalid value: 1.5: must be of type integer"),
            (json!({"size": 1, "mode": "C"}), "mode: Unsupported value: \"C\": supported values: \"A\", \"B\""),
            (json!({"size": 1, "name": "abcd"}), "name: Too long: may not be more than 3 characters"),
            (json!({"size": 1, "name": ""}), "name: Invalid value: \"\": should be at least 1 chars long"),
            (json!({"size": 1, "name": "A"}), "name: Invalid value: \"A\": should match \"^[a-z]*$\""),
            (json!({"size": 1, "value": 0.5}), "value: Invalid value: 0.5: must be of type integer or string"),
            (json!({"size": 1, "until": "2026-03-01T18:00:00Z"}), ""),
            (
                json!({"size": 1, "until": "1h"}),
                "until: Invalid value: \"1h\": must be of type date-time: write it in RFC 3339, for example 2026-03-01T18:00:00Z",
            ),
            (json!({"size": 1, "set": []}), "set: should have at least 1 items"),
            (json!({"size": 1, "set": ["a", "a"]}), "set[1]: Duplicate value: \"a\""),
            (json!({"size": 1, "set": ["a", "b", "c"]}), "set: Too many: 3: must have at most 2 items"),
            (json!({"size": 1, "set": [1]}), "set[0]: Invalid value: 1: must be of type string"),
            (json!({"size": 1, "map": [{"name": "a"}, {"name": "a"}]}), "map[1]: Duplicate value: \"a\""),
            (json!({"size": 1, "labels": {"a": 1}}), "labels.a: Invalid value: 1: must be of type string"),
            (json!({"size": 1, "labels": {"a": "", "b": ""}}), "labels: Too many: 2: must have at most 1 items"),
            (json!({"size": 1, "extra": 1}), "unknown field \"extra\""),
            (json!([]), ": Invalid value: array: must be of type object"),
        ] {
            assert_eq!(check(&schema, &value).join("\n"), said, "{value}");
        }
    }

    #[test]
    fn nulls_are_as_if_they_were_not_there() {
        let mut value = json!({"a": null, "b": [{"c": null}]});
        drop_nulls(&mut value);
        assert_eq!(value, json!({"b": [{}]}));
    }
}
