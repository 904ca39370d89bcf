//! The reference of all keys of the file, for its manual page and for `docs/configuration.md`.
//!
//! Everything in it comes from the schema, and so from the doc comments of the document.

use serde_json::Value;

use super::schema::{pattern, schema};

/// The sections in the order of the reference; the first is the part of the file before any section.
const SECTIONS: [&str; 14] = [
    "",
    "server",
    "site",
    "exempt",
    "response",
    "page",
    "management",
    "admin",
    "limits",
    "hooks",
    "webhook",
    "log",
    "period",
    "bypass",
];

/// A section of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionReference {
    /// Its header, `[site]` or `[[period]]`; empty for the part before any section.
    pub header: String,
    /// Its description as Markdown, one paragraph to a line; empty for the part before any section.
    pub description: String,
    /// Its keys in alphabetical order.
    pub keys: Vec<KeyReference>,
}

/// A key of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyReference {
    /// Its name, such as `root`.
    pub name: String,
    /// Its name with the section, such as `site.root`.
    pub path: String,
    /// The type of its value, in words, with literals in backticks.
    pub kind: String,
    /// Its default in TOML, if it has one.
    pub default: Option<String>,
    /// Its description as Markdown, one paragraph to a line.
    pub description: String,
    /// Values in TOML that show how to use it.
    pub examples: Vec<String>,
}

/// Returns all sections with their keys. Tables within sections are described in the key that holds them.
pub fn reference() -> Vec<SectionReference> {
    let schema = schema().to_value();
    SECTIONS.iter().map(|name| section(name, &schema)).collect()
}

fn section(name: &str, schema: &Value) -> SectionReference {
    if name.is_empty() {
        return SectionReference {
            header: String::new(),
            description: String::new(),
            keys: keys("", schema, |property| !is_section(property)),
        };
    }
    let property = &schema["properties"][name];
    let (header, table) = match property.get("items") {
        Some(items) => (format!("[[{name}]]"), items),
        None => (format!("[{name}]"), property),
    };
    SectionReference { header, description: description(table), keys: keys(name, table, |_| true) }
}

fn is_section(property: &Value) -> bool {
    property.get("properties").is_some() || property.pointer("/items/properties").is_some()
}

fn keys(section: &str, table: &Value, is_wanted: impl Fn(&Value) -> bool) -> Vec<KeyReference> {
    let properties = table["properties"].as_object().into_iter().flatten();
    properties
        .filter(|(_, property)| is_wanted(property))
        .map(|(name, property)| KeyReference {
            name: name.clone(),
            path: if section.is_empty() { name.clone() } else { format!("{section}.{name}") },
            kind: kind(property),
            default: property.get("default").map(|default| literal(property, default)),
            description: description(property),
            examples: elements(&property["examples"]).map(|example| literal(property, example)).collect(),
        })
        .collect()
}

/// Describes the type of a value.
fn kind(property: &Value) -> String {
    for alternatives in ["anyOf", "oneOf"] {
        if property.get(alternatives).is_some() {
            let mut kinds: Vec<_> = elements(&property[alternatives]).map(kind).collect();
            kinds.dedup();
            return any_of(&kinds);
        }
    }
    if let Some(constant) = property.get("const") {
        return format!("`{constant}`");
    }
    match property["type"].as_str().unwrap_or("string") {
        "string" => match property["format"].as_str() {
            Some("date") => "date".into(),
            Some(_) => "date-time".into(),
            None if is_duration(property) => "duration".into(),
            None => "string".into(),
        },
        "array" => format!("list of {}s", kind(&property["items"]).replace(" or ", "s or ")),
        "integer" if property["maximum"].is_null() => format!("integer, {} or more", property["minimum"]),
        "integer" => format!("integer, {} to {}", property["minimum"], property["maximum"]),
        "object" if property.get("properties").is_some() => "table".into(),
        "object" => "table of strings".into(),
        other => other.to_owned(),
    }
}

fn is_duration(property: &Value) -> bool {
    let durations = [pattern::duration(), pattern::duration_or_zero()];
    property["pattern"].as_str().is_some_and(|found| durations.iter().any(|pattern| pattern == found))
}

fn any_of(kinds: &[String]) -> String {
    match kinds {
        [] => String::new(),
        [only] => only.clone(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    }
}

/// Writes a value in TOML.
fn literal(property: &Value, value: &Value) -> String {
    match value {
        Value::String(time) if kind(property) == "date-time" => time.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| literal(&property["items"], item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) if fields.is_empty() => "{}".into(),
        Value::Object(fields) => {
            let quote = if property.get("properties").is_some() { "" } else { "\"" };
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("{quote}{name}{quote} = {value}")).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// Returns the description, with each paragraph on a line of its own.
fn description(value: &Value) -> String {
    let paragraphs = value["description"].as_str().unwrap_or_default().split("\n\n");
    paragraphs.map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_each_section_of_the_schema() {
        let schema = schema().to_value();
        let properties = schema["properties"].as_object().unwrap();
        let mut sections: Vec<_> = properties
            .iter()
            .filter(|(_, property)| is_section(property))
            .map(|(name, _)| name.as_str())
            .collect();
        let mut listed = SECTIONS[1..].to_vec();
        sections.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, sections);
    }

    #[test]
    fn everything_is_described() {
        for section in reference() {
            assert!(section.header.is_empty() || !section.description.is_empty(), "{section:?}");
            for key in section.keys {
                assert!(!key.description.is_empty() && !key.kind.is_empty(), "{key:?}");
            }
        }
    }
}
