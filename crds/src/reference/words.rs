//! A schema in words.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;

use super::schema::element;

/// The address of something within the page: its path in small letters, without the marks of lists and maps.
pub(super) fn anchor(path: &str) -> String {
    path.chars().filter(|c| !"[]{}".contains(*c)).collect::<String>().to_lowercase()
}

/// The first sentence of a description.
pub(super) fn first_sentence(schema: &JSONSchemaProps) -> String {
    let text = prose(schema.description.as_deref().unwrap_or_default());
    let end = text.find(". ").map_or(text.len(), |end| end + 1);
    text[..end].trim_end_matches('.').to_owned()
}

/// What a value is. `link` is where the fields of the object in it are told, if it has any.
pub(super) fn type_(schema: &JSONSchemaProps, link: &str) -> String {
    if let Some((inner, step)) = element(schema) {
        let of = type_(inner, link);
        return match (step, schema.x_kubernetes_list_type.as_deref()) {
            ("[]", Some("set")) => format!("set of {of}"),
            ("[]", Some("map")) => {
                let keys = schema.x_kubernetes_list_map_keys.as_deref().unwrap_or_default();
                format!("list of {of}, by {}", keys.iter().map(|key| code(key)).collect::<Vec<_>>().join(", "))
            }
            ("[]", _) => format!("list of {of}"),
            _ => format!("map of {of}"),
        };
    }
    if schema.x_kubernetes_int_or_string == Some(true) {
        return "integer or string".into();
    }
    match (schema.type_.as_deref().unwrap_or("any"), schema.format.as_deref()) {
        ("object", _) if schema.properties.is_some() => format!("[object](#{link})"),
        ("string", Some("date-time")) => "time".into(),
        (type_, _) => type_.into(),
    }
}

/// What the API server fills in.
pub(super) fn default(schema: &JSONSchemaProps) -> Option<String> {
    schema.default.as_ref().map(|value| code(&value.0.to_string()))
}

/// The bounds of a value, a sentence each.
pub(super) fn bounds(schema: &JSONSchemaProps) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(values) = &schema.enum_ {
        let values: Vec<_> =
            values.iter().map(|value| code(value.0.as_str().unwrap_or(&value.0.to_string()))).collect();
        said.push(format!("One of {}.", values.join(", ")));
    }
    said.extend(range(schema.minimum, schema.maximum, "").map(|range| format!("{range}.")));
    for (least, most, unit) in [
        (schema.min_length, schema.max_length, "character"),
        (schema.min_items, schema.max_items, "item"),
        (schema.min_properties, schema.max_properties, "entry"),
    ] {
        said.extend(range(least, most, unit).map(|range| format!("{range}.")));
    }
    // A rule says in words what a pattern says in signs.
    if let Some(pattern) = &schema.pattern
        && rules(schema).is_empty()
    {
        said.push(format!("Matches {}.", code(pattern)));
    }
    if let Some((inner, _)) = element(schema)
        && inner.properties.is_none()
    {
        let each = bounds(inner);
        if !each.is_empty() {
            said.push(format!("Each: {}", lowered(&each.join(" "))));
        }
    }
    said
}

/// What the API server answers where a rule is broken: the rules of the value, then those of each item of a plain list or map.
pub(super) fn rules(schema: &JSONSchemaProps) -> Vec<String> {
    let own = schema.x_kubernetes_validations.iter().flatten();
    let mut said: Vec<String> =
        own.map(|rule| rule.message.as_deref().map_or_else(|| code(&rule.rule), prose)).collect();
    if let Some((inner, _)) = element(schema)
        && inner.properties.is_none()
    {
        said.extend(rules(inner));
    }
    said
}

fn range<N: PartialEq + ToString>(least: Option<N>, most: Option<N>, unit: &str) -> Option<String> {
    let one = least.as_ref().or(most.as_ref()).is_some_and(|number| number.to_string() == "1");
    let unit = match (unit, &least, &most) {
        ("", ..) => String::new(),
        ("entry", ..) => " entries".into(),
        (unit, None, _) | (unit, _, None) if one => format!(" {unit}"),
        (unit, ..) => format!(" {unit}s"),
    };
    Some(match (least, most) {
        (Some(least), Some(most)) if least == most => format!("Exactly {}{unit}", least.to_string()),
        (Some(least), Some(most)) => format!("{} to {}{unit}", least.to_string(), most.to_string()),
        (Some(least), None) => format!("At least {}{unit}", least.to_string()),
        (None, Some(most)) => format!("At most {}{unit}", most.to_string()),
        (None, None) => return None,
    })
}

fn lowered(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Text as code in a table.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// Text for people on one line of a table: what Markdown would take for its own is marked, but for code.
pub(super) fn prose(text: &str) -> String {
    let mut in_code = false;
    let mut marked = String::with_capacity(text.len());
    for letter in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        in_code ^= letter == '`';
        if letter == '|' || (!in_code && "*_<".contains(letter)) {
            marked.push('\\');
        }
        marked.push(letter);
    }
    marked
}
