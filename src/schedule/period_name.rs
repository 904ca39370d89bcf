//! Finds a period by its name.

use crate::schedule::period::Period;

/// The error for a name that no period has.
pub struct UnknownName<'p> {
    /// The names that periods have.
    pub names: Vec<&'p str>,
    /// The one that was probably meant.
    pub nearest: Option<&'p str>,
}

/// Returns the period of a name, with its index.
pub fn find<'p>(periods: &'p [Period], name: &str) -> Result<(usize, &'p Period), UnknownName<'p>> {
    let has_name = |(_, period): &(usize, &Period)| period.name.as_deref() == Some(name);
    periods.iter().enumerate().find(has_name).ok_or_else(|| {
        let names: Vec<_> = periods.iter().filter_map(|period| period.name.as_deref()).collect();
        let near = |candidate: &&str| strsim::jaro_winkler(candidate, name);
        let nearest = names.iter().copied().max_by(|a, b| near(a).total_cmp(&near(b)));
        UnknownName { nearest: nearest.filter(|candidate| near(candidate) > 0.8), names }
    })
}
