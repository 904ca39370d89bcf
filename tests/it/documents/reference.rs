//! The reference of all keys in `docs/configuration.md`, generated from the JSON Schema of the file, which the doc
//! comments in `src/config/document.rs` feed.
//!
//! `SNAPSHOTS=overwrite cargo test --test it documents` writes it into the document.

use std::fmt::Write as _;

use serde_json::Value;

use super::document::{MarkdownDocument, is_overwriting};
use super::downtime;
use super::keys::{ReferenceSection, SECTIONS, known_keys};

const BEGIN: &str = "<!-- generated from src/config/document.rs: the keys -->\n";
/// A part of the patterns of durations.
const DURATION: &str = "(nanos|nsec|";
const END: &str = "<!-- end of the generated part -->\n";

#[test]
fn the_reference_has_each_key_of_the_schema() {
    let mut document = MarkdownDocument::read("docs/configuration.md");
    let begin = document.text.find(BEGIN).expect(BEGIN) + BEGIN.len();
    let end = document.text.find(END).expect(END);
    let reference = reference();
    if is_overwriting() && document.text[begin..end] != reference {
        document.text.replace_range(begin..end, &reference);
        document.write();
    } else {
        assert_eq!(document.text[begin..end], reference, "{}", module_path!());
    }
}

/// Renders all sections, in the order in which the parser reads them.
fn reference() -> String {
    let schema: Value = serde_json::from_slice(&downtime(&["schema"]).stdout).unwrap();
    SECTIONS.iter().map(|section| section_reference(section, &schema)).collect::<String>() + "\n"
}

fn section_reference(section: &ReferenceSection, schema: &Value) -> String {
    let table = match section.key() {
        "" => schema,
        key @ ("period" | "bypass") => &schema["properties"][key]["items"],
        key => &schema["properties"][key],
    };
    let introduction = if section.header.is_empty() {
        "These keys come before the first section.".to_owned()
    } else {
        description(table)
    };
    let mut text = format!("\n### {}\n\n{introduction}\n", section.heading());
    if !section.more.is_empty() {
        let _ = writeln!(text, "{}", section.more);
    }
    for name in &known_keys(section) {
        let property = &table["properties"][name];
        assert!(property.is_object(), "the schema has {} {name}", section.header);
        text += &key_reference(&section.path(name), name, property);
    }
    text
}

fn key_reference(path: &str, name: &str, property: &Value) -> String {
    let mut text = format!("\n#### `{path}`\n\nType: {}", kind(property));
    if let Some(default) = property.get("default") {
        let _ = write!(text, ". Default: `{}`", literal(property, default));
    }
    let _ = write!(text, ".\n\n{}\n", description(property));
    let examples = property["examples"].as_array().map_or(&[][..], Vec::as_slice);
    if !examples.is_empty() {
        let lines: Vec<_> =
            examples.iter().map(|example| format!("`{name} = {}`", literal(property, example))).collect();
        let _ = write!(text, "\nExample: {}\n", lines.join(" or "));
    }
    text
}

/// Describes the type of a value.
fn kind(property: &Value) -> String {
    if let Some(alternatives) = property["anyOf"].as_array() {
        let mut kinds: Vec<_> = alternatives.iter().map(kind).collect();
        kinds.dedup();
        return any_of(&kinds);
    }
    if let Some(alternatives) = property["oneOf"].as_array() {
        return any_of(&alternatives.iter().map(kind).collect::<Vec<_>>());
    }
    if let Some(constant) = property.get("const") {
        return format!("`{constant}`");
    }
    match property["type"].as_str().unwrap_or("string") {
        "string" => match property["format"].as_str() {
            Some("date") => "date".into(),
            Some(_) => "date-time".into(),
            None if property["pattern"].as_str().is_some_and(|it| it.contains(DURATION)) => "duration".into(),
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

fn any_of(kinds: &[String]) -> String {
    let (last, others) = kinds.split_last().unwrap();
    if others.is_empty() { last.clone() } else { format!("{} or {last}", others.join(", ")) }
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
    let paragraphs = value["description"].as_str().expect("it is described").split("\n\n");
    paragraphs.map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}
