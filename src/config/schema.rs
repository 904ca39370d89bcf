//! The JSON Schema of the file, for editors. It is generated from the types of the document.
//!
//! It accepts every valid file, and also some invalid ones: only the parser knows whether a time zone exists, or an end
//! is after its start.
//!
//! JSON has no date-times. A validator that converts the file to JSON first (taplo) sees a string in the format of RFC
//! 3339, and cannot tell whether it was in quotes. One that keeps the types of TOML (tombi) uses the formats `date-time`,
//! `date-time-local` and `date`, and refuses quotes.

pub(super) mod pattern;

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::AccessLog;
use super::document::{Document, OrFalse, TextByLanguage, TextsOrFalse};
use crate::page::language::Language;

/// Returns the schema: draft 7, the dialect that TOML extensions of editors support, without references.
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let simplify = RecursiveTransform(simplify);
    let mut schema = settings.with_transform(simplify).into_generator().into_root_schema_for::<Document>();
    // By default tombi refuses date-times without seconds, which the parser accepts.
    schema.insert("x-tombi-toml-version".into(), "v1.1.0".into());
    schema
}

/// Removes what has no meaning in TOML: the width of integers, and null.
fn simplify(schema: &mut Schema) {
    if schema.get("type").is_some_and(|kind| kind == "integer") {
        schema.remove("format");
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
}

/// The schema of a date-time, with an offset or local.
pub(super) struct DateTime;

impl JsonSchema for DateTime {
    fn schema_name() -> Cow<'static, str> {
        "DateTime".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": date_times() })
    }
}

/// The schema of a date-time or a date.
pub(super) struct DateOrDateTime;

impl JsonSchema for DateOrDateTime {
    fn schema_name() -> Cow<'static, str> {
        "DateOrDateTime".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let date = json!({ "type": "string", "format": "date", "pattern": pattern::DATE });
        let [offset, local] = date_times();
        json_schema!({ "anyOf": [date, offset, local] })
    }
}

fn date_times() -> [Value; 2] {
    [
        json!({ "type": "string", "format": "date-time", "pattern": pattern::OFFSET_DATE_TIME }),
        json!({ "type": "string", "format": "date-time-local", "pattern": pattern::LOCAL_DATE_TIME }),
    ]
}

impl JsonSchema for OrFalse {
    fn schema_name() -> Cow<'static, str> {
        "OrFalse".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "const": false }] })
    }
}

impl JsonSchema for TextsOrFalse {
    fn schema_name() -> Cow<'static, str> {
        "TextsOrFalse".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "const": "any" },
            { "const": false },
            { "type": "array", "minItems": 1, "items": { "type": "string", "pattern": "://" } },
        ] })
    }
}

impl JsonSchema for AccessLog {
    fn schema_name() -> Cow<'static, str> {
        "AccessLog".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "boolean" }, { "const": "combined" }, { "const": "json" }] })
    }
}

impl JsonSchema for TextByLanguage {
    fn schema_name() -> Cow<'static, str> {
        "TextByLanguage".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let tags: Vec<_> = Language::all().map(Language::tag).collect();
        json_schema!({ "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": { "enum": tags },
                "additionalProperties": { "type": "string", "minLength": 1 },
            },
        ] })
    }
}
