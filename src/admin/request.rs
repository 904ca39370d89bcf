//! The request of an operator, as the pages get it.

use std::fmt;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use percent_encoding::percent_decode;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::access::Operator;
use super::audit;
use crate::http1::framing::Framing;
use crate::http1::request::RequestHead;

/// A request of an operator who is logged in. If it may change something, it is from a page of this site or from no page at all.
#[derive(Clone, Debug)]
pub struct OperatorRequest {
    /// Who sends it.
    pub operator: Operator,
    /// GET, HEAD or POST. Only POST may change something.
    pub method: Method,
    /// The path, percent-decoded. It begins with `/`.
    pub path: String,
    /// The names and values of the query, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// The names and values of the body, in their order: of a form (`application/x-www-form-urlencoded`), or of the members of
    /// a JSON object. A member that is not a string has its JSON as the value, and `null` is empty; one that is a list occurs once
    /// for each item; the members of one that is an object have names such as `message.de`.
    pub fields: Vec<(String, String)>,
    /// The members of a body that is a JSON object, as they are.
    pub members: Vec<(String, Value)>,
    /// True if the response should be JSON, not HTML.
    pub wants_json: bool,
    /// Where the request comes from, for the log: an address, or what is known instead.
    pub from: String,
}

impl OperatorRequest {
    /// Returns the first value of a field of the body.
    pub fn field(&self, name: &str) -> Option<&str> {
        first(&self.fields, name)
    }

    /// Returns the first value of a name in the query.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// Writes the line of the log that each change gets: who made it, from where, and what it is. `change` must not contain a
    /// secret.
    pub fn record_change(&self, change: &str) {
        audit::record(&self.operator, &self.from, change);
    }
}

fn first<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

/// The format of the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyFormat {
    Form,
    Json,
}

impl BodyFormat {
    /// Returns the format that a request states. A request without a body need not state any.
    pub(super) fn new(
        head: &RequestHead<'_>,
        headers: &HeaderMap,
    ) -> Result<Self, (StatusCode, &'static str)> {
        const OTHER: (StatusCode, &str) = (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be application/x-www-form-urlencoded or application/json",
        );
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let media_type = match (values.next(), values.next()) {
            (None, _) if matches!(head.framing, Framing::Length(0)) => return Ok(Self::Form),
            (Some(value), None) => value.to_str().map_err(|_| OTHER)?,
            _ => return Err(OTHER),
        };
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Ok(Self::Form),
            "application/json" => Ok(Self::Json),
            _ => Err(OTHER),
        }
    }
}

/// The fields of a body.
#[derive(Debug, Default)]
pub(super) struct BodyFields {
    /// See [`OperatorRequest::fields`].
    pub(super) pairs: Vec<(String, String)>,
    /// See [`OperatorRequest::members`].
    pub(super) members: Vec<(String, Value)>,
}

/// Returns the fields of a body.
pub(super) fn parse_fields(format: BodyFormat, body: &[u8]) -> Result<BodyFields, &'static str> {
    match format {
        // What is not UTF-8 would be replaced by other characters.
        BodyFormat::Form if percent_decode(body).decode_utf8().is_err() => Err("the form is not UTF-8"),
        BodyFormat::Form => {
            let pairs = form_urlencoded::parse(body).into_owned().collect();
            Ok(BodyFields { pairs, members: Vec::new() })
        }
        BodyFormat::Json => parse_object(body),
    }
}

fn parse_object(body: &[u8]) -> Result<BodyFields, &'static str> {
    let value: Value = serde_json::from_slice(body).map_err(|_| "the body is not valid JSON")?;
    if !value.is_object() {
        return Err("the body is not a JSON object");
    }
    let Members(members) =
        serde_json::from_slice(body).map_err(|_| "the body has two members of the same name")?;
    let mut pairs = Vec::new();
    for (name, value) in members.clone() {
        add_pairs(&mut pairs, name, value);
    }
    Ok(BodyFields { pairs, members })
}

/// The members of an object, which have different names.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
                let mut members: Vec<(String, Value)> = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    if members.iter().any(|(other, _)| *other == name) {
                        return Err(serde::de::Error::custom("twice"));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

fn add_pairs(pairs: &mut Vec<(String, String)>, name: String, value: Value) {
    match value {
        // An empty list differs from one that is not there.
        Value::Array(items) if items.is_empty() => pairs.push((name, String::new())),
        Value::Array(items) => pairs.extend(items.into_iter().map(|item| (name.clone(), text(item)))),
        Value::Object(members) => {
            pairs.extend(members.into_iter().map(|(key, value)| (format!("{name}.{key}"), text(value))));
        }
        value => pairs.push((name, text(value))),
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        value => value.to_string(),
    }
}
