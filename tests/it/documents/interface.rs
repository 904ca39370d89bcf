//! The requests and responses in `docs/admin.md` are what programs send and get.
//!
//! A block below `<!-- request: METHOD PATH STATUS -->` is sent; one below `<!-- response -->` is what came back. `…` stands for
//! any text.

use serde_json::Value;

use super::document::MarkdownDocument;
use crate::support::admin::{RunningAdminPage, SECTIONS};
use crate::support::process::ConfigDirectory;

#[test]
fn each_request_of_a_program_is_answered_as_documented() {
    let directory = ConfigDirectory::with(SECTIONS);
    let admin = RunningAdminPage::on(&directory);
    let (mut requests, mut responses) = (0, 0);
    let mut last = Value::Null;
    for block in MarkdownDocument::read("docs/admin.md").blocks() {
        let body = block.lines.join("\n");
        if let Some(request) = block.marker.strip_prefix("request: ") {
            let [method, path, status] = request.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{request}")
            };
            let (actual, document) = admin.json(method, path, &body);
            assert_eq!(actual.to_string(), status, "{request}: {document}");
            (last, requests) = (document, requests + 1);
        } else if block.marker == "response" {
            let expected: Value = serde_json::from_str(&body).expect("JSON");
            assert!(is_like(&last, &expected), "documented: {expected:#}\nactual: {last:#}");
            responses += 1;
        }
    }
    assert!(requests > 5 && responses > 2, "too few were found");
}

/// Returns true if a value is what a document says.
fn is_like(actual: &Value, documented: &Value) -> bool {
    match (actual, documented) {
        (Value::String(_), Value::String(text)) if text == "…" => true,
        (Value::Array(actual), Value::Array(documented)) => {
            actual.len() == documented.len() && actual.iter().zip(documented).all(|(a, d)| is_like(a, d))
        }
        (Value::Object(actual), Value::Object(documented)) => {
            actual.len() == documented.len()
                && documented.iter().all(|(key, value)| actual.get(key).is_some_and(|a| is_like(a, value)))
        }
        (actual, documented) => actual == documented,
    }
}
