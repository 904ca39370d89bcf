//! The days of a month that match a cron expression.

use jiff::civil::Weekday;

/// The first to the fifth of a weekday in a month.
pub(super) const EVERY: u8 = 0b01_1111;
/// Every seventh day from bit 0 on, in five weeks.
const WEEKLY: u64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;
/// The last of a weekday in a month.
pub(super) const LAST: u8 = 0b10_0000;

/// The days of a month that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Days {
    /// Bit `n` is day `n`.
    pub(super) numbers: u64,
    pub(super) last: bool,
    /// From Sunday: [`EVERY`], [`LAST`], or bit `n` for number `n + 1` of the month.
    pub(super) weekdays: [u8; 7],
    /// True if both fields must match, because one of them begins with `*`; if not, one is enough.
    pub(super) both: bool,
}

impl Days {
    /// Returns the matching days of a month with this length and this first day of the week, as bits.
    pub(super) fn of_month(&self, length: i8, first: Weekday) -> u64 {
        let all = (1_u64 << (length + 1)) - 2;
        let by_number = self.numbers & all | if self.last { 1 << length } else { 0 };
        if self.both && by_number == 0 {
            return 0;
        }
        let mut by_weekday = 0;
        for (weekday, places) in (0_i8..).zip(self.weekdays) {
            let first_one = 1 + (weekday - first.to_sunday_zero_offset()).rem_euclid(7);
            by_weekday |= select(places, WEEKLY << first_one & all);
        }
        if self.both { by_number & by_weekday } else { by_number | by_weekday }
    }
}

/// Selects, from the days of a month that are one weekday, those at the given places.
fn select(places: u8, ones: u64) -> u64 {
    if places & EVERY == EVERY {
        return ones;
    }
    let first = ones.trailing_zeros();
    let at_place = |place: u32| if places & (1 << place) != 0 { 1 << (first + 7 * place) } else { 0 };
    let last = if places & LAST != 0 { 1 << ones.ilog2() } else { 0 };
    (0..5).fold(last, |days, place| days | at_place(place) & ones)
}
