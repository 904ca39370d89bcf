//! The list of periods.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::listed::{PeriodGroup, groups};
use super::visit::{Visit, zone_name};
use crate::config::Config;
use crate::editing::first_editable;
use crate::summary::Summary;

#[derive(Serialize)]
struct PeriodsPage {
    file: String,
    may_write: bool,
    groups: Vec<PeriodGroup>,
    is_empty: bool,
}

/// Responds with all periods.
pub(super) fn list(visit: &Visit<'_>) -> Response<Bytes> {
    let config = match visit.valid() {
        Ok(config) => config,
        Err(problem) => return visit.problem(&problem),
    };
    if visit.request.wants_json {
        let periods = periods_json(visit, config);
        let document =
            json!({ "sha256": visit.sha256(), "timezone": zone_name(&config.timezone), "periods": periods });
        return super::json(StatusCode::OK, &document);
    }
    let values = PeriodsPage {
        file: visit.edited_path(),
        may_write: visit.may_write(),
        groups: groups(visit, config),
        is_empty: config.rules.schedule.periods().is_empty(),
    };
    visit.page(StatusCode::OK, ("periods", "Periods"), &values)
}

/// Returns the summary of each period, with its id and whether it can be edited.
pub(super) fn periods_json(visit: &Visit<'_>, config: &Config) -> Vec<Value> {
    let periods = Summary::new(Some(config), &[], visit.now).periods;
    let with_id = |(index, (period, id)): (usize, (_, &String))| {
        let mut period = json!(period);
        period["id"] = id.as_str().into();
        period["editable"] = (index >= first_editable(config)).into();
        period
    };
    periods.iter().zip(&visit.ids).enumerate().map(with_id).collect()
}
