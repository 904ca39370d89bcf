//! The JSON Schema of the file, for editors: what the types of the document say of themselves.
//!
//! It refuses nothing that the parser accepts. What only the parser can know (that a zone exists, that an end is after
//! its start) it lets pass.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::document::{Document, OrFalse, TextsOrFalse};

/// The schema, in the dialect that editors' TOML extensions know (draft 7), without references.
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let plain = RecursiveTransform(plain);
    settings.with_transform(plain).into_generator().into_root_schema_for::<Document>()
}

/// Leaves out what means nothing in TOML: the width of integers, and null.
fn plain(schema: &mut Schema) {
    schema.remove("format");
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
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
