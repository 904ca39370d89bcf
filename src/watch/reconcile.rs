//! Classifies readings of the file: a pure state machine over hashes.

/// A hash of everything that a reading found.
pub type Fingerprint = [u8; 32];

/// The outcome of a reading for the current snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// The same as the last reading: nothing to do.
    Unchanged,
    /// The same as the applied reading, after one that was rejected.
    Restored,
    /// New and valid: apply it.
    Changed,
    /// New and invalid: report it, and keep the current snapshot.
    Rejected,
}

/// Remembers the applied reading and the last one.
#[derive(Clone, Copy, Debug)]
pub struct Reconcile {
    applied: Fingerprint,
    last: Fingerprint,
}

impl Reconcile {
    /// Starts with the reading that was applied at startup.
    pub fn new(applied: Fingerprint) -> Self {
        Self { applied, last: applied }
    }

    /// Classifies a reading, which becomes the last one.
    pub fn classify(&mut self, reading: Fingerprint, valid: bool) -> ReadOutcome {
        let outcome = if reading == self.last {
            ReadOutcome::Unchanged
        } else if reading == self.applied {
            ReadOutcome::Restored
        } else if valid {
            ReadOutcome::Changed
        } else {
            ReadOutcome::Rejected
        };
        self.last = reading;
        if outcome == ReadOutcome::Changed {
            self.applied = reading;
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_new_reading_counts_once() {
        let mut reconcile = Reconcile::new([1; 32]);
        for (reading, valid, outcome) in [
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
            assert_eq!(reconcile.classify([reading; 32], valid), outcome, "{reading}");
        }
    }
}
