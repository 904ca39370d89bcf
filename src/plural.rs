//! Numbers of things, in messages.

/// Returns a number with its noun, such as `1 request` and `2 requests`. `singular` is a noun whose plural ends with `s`.
pub fn counted(count: impl TryInto<u64>, singular: &str) -> String {
    // A number that does not fit is large.
    let count = count.try_into().unwrap_or(u64::MAX);
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {singular}{ending}")
}

/// Returns the verb that follows this number of things.
pub fn are(count: impl TryInto<u64>) -> &'static str {
    if count.try_into().is_ok_and(|count: u64| count == 1) { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_thing_is_singular() {
        for (count, expected) in [
            (0, "0 lines are"),
            (1, "1 line is"),
            (2, "2 lines are"),
            (u64::MAX, "18446744073709551615 lines are"),
        ] {
            assert_eq!(format!("{} {}", counted(count, "line"), are(count)), expected);
        }
    }
}
