//! The JSON Schema of the file, for editors: what the types of the document say about themselves.
//!
//! It refuses nothing that the parser accepts. What only the parser can know (that a zone exists, that an end is after
//! its start) it accepts.
//!
//! JSON has no date-times. A validator that turns the file into JSON first (taplo) sees a text in the normal form of RFC
//! 3339, and cannot tell it from a text in quotes that has this form. One that keeps TOML's types (tombi) goes by the
//! formats `date-time`, `date-time-local` and `date`, and refuses the quotes.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::document::{Document, OrFalse, TextsOrFalse};
use super::pattern;

/// The schema, in the dialect that editors' TOML extensions know (draft 7), without references.
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let plain = RecursiveTransform(plain);
    let mut schema = settings.with_transform(plain).into_generator().into_root_schema_for::<Document>();
    // Without it tombi refuses date-times without seconds, which the parser reads.
    schema.insert("x-tombi-toml-version".into(), "v1.1.0".into());
    schema
}

/// Leaves out what means nothing in TOML: the width of integers, and null.
fn plain(schema: &mut Schema) {
    if schema.get("type").is_some_and(|kind| kind == "integer") {
        schema.remove("format");
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
}

/// A date-time: with an offset, or local.
pub(super) struct DateTime;

impl JsonSchema for DateTime {
    fn schema_name() -> Cow<'static, str> {
        "DateTime".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": date_times() })
    }
}

/// A date-time, or a date alone.
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
