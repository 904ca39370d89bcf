//! Steps that are larger than their field.

use super::field::{CronField, FIELDS};
use super::parse::step_size;

/// A step larger than the range of its field, so that only one number matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepBeyondRange {
    /// Its text.
    pub item: String,
    /// The name of the field.
    pub field: &'static str,
    /// The only number that matches.
    pub number: u32,
    /// The unit of time after which the steps start over.
    pub cycle: &'static str,
}

/// Finds a step in a valid expression that is larger than the range of its field, such as `*/90` in the minutes.
pub fn find_step_beyond_range(text: &str) -> Option<StepBeyondRange> {
    let check = |item: &str, field: &CronField| {
        let step = step_size(item.strip_prefix("*/")?)?;
        let is_beyond = usize::try_from(field.max - field.min).is_ok_and(|span| step > span);
        is_beyond.then(|| StepBeyondRange {
            item: item.to_owned(),
            field: field.name,
            number: field.min,
            cycle: field.cycle,
        })
    };
    let fields = text.split_whitespace().zip(FIELDS);
    fields
        .flat_map(|(text, field)| text.split(',').map(move |item| (item, field)))
        .find_map(|(item, field)| check(item, field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_larger_than_its_field_is_found() {
        for (text, found) in [
            ("*/90 * * * *", Some(("*/90", "minute", 0, "hour"))),
            ("*/60 * * * *", Some(("*/60", "minute", 0, "hour"))),
            ("*/59 * * * *", None),
            ("0 */36 * * *", Some(("*/36", "hour", 0, "day"))),
            ("0 0 */45 * *", Some(("*/45", "day of month", 1, "month"))),
            ("0 0 * 2,*/12 *", Some(("*/12", "month", 1, "year"))),
            ("0 0 * * */8", Some(("*/8", "day of week", 0, "week"))),
            ("*/15 * * * *", None),
        ] {
            let found_step = find_step_beyond_range(text);
            let step = found_step.as_ref().map(|o| (o.item.as_str(), o.field, o.number, o.cycle));
            assert_eq!(step, found, "{text}");
        }
    }
}
