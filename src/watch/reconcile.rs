//! What a reading means for the snapshot that is applied: pure.

/// The hash of all that a reading found.
pub type Fingerprint = [u8; 32];

/// What came of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// It is what was read last: nothing to do, nothing to say.
    Unchanged,
    /// It is again what is applied, after one that was not valid.
    Restored,
    /// It is new and valid: apply it.
    Changed,
    /// It is new and not valid: say so, and keep what is applied.
    Rejected,
}

/// Remembers which reading is applied and which came last.
#[derive(Clone, Copy, Debug)]
pub struct Reconcile {
    applied: Fingerprint,
    last: Fingerprint,
}

impl Reconcile {
    /// Begins with the reading that was applied at the start.
    pub fn new(applied: Fingerprint) -> Self {
        Self { applied, last: applied }
    }

    /// Judges a reading.
    pub fn judge(&mut self, reading: Fingerprint, valid: bool) -> ReadOutcome {
        let verdict = match () {
            () if reading == self.last => ReadOutcome::Unchanged,
            () if reading == self.applied => ReadOutcome::Restored,
            () if valid => ReadOutcome::Changed,
            () => ReadOutcome::Rejected,
        };
        self.last = reading;
        if verdict == ReadOutcome::Changed {
            self.applied = reading;
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_distinct_reading_is_judged_once() {
        let mut reconcile = Reconcile::new([1; 32]);
        for (reading, valid, verdict) in [
            (1, true, ReadOutcome::Unchanged),
            (2, true, ReadOutcome::Changed),
            (2, true, ReadOutcome::Unchanged),
            (3, false, ReadOutcome::Rejected),
            (3, false, ReadOutcome::Unchanged),
            (4, false, ReadOutcome::Rejected),
            (2, true, ReadOutcome::Restored),
            (2, true, ReadOutcome::Unchanged),
            (1, true, ReadOutcome::Changed),
            (3, false, ReadOutcome::Rejected),
            (5, true, ReadOutcome::Changed),
        ] {
            assert_eq!(reconcile.judge([reading; 32], valid), verdict, "{reading}");
        }
    }
}
