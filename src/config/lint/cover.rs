//! Decides which globs cover or meet which others, by following both through every path that they tell apart.

use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};

/// A comparison gives up after this many pairs of states; the result is then unknown.
const MAX_STEPS: usize = 2_000;

/// A glob as an automaton that reads a path. [`crate::matching::glob`] has checked the text and defines its meaning.
#[derive(Clone, Debug)]
pub(super) struct GlobAutomaton {
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Exactly this character.
    Char(char),
    /// One character except `/`.
    One,
    /// Any number of characters except `/`.
    Many,
    /// Any number of characters.
    Across,
    /// Optional: the next steps, this many, may be skipped.
    Maybe(usize),
}

type States = BTreeSet<usize>;

/// The number of steps that comparisons may still take.
#[derive(Debug)]
pub(super) struct WorkBudget(Cell<usize>);

impl WorkBudget {
    pub(super) fn new(left: usize) -> Self {
        Self(Cell::new(left))
    }

    /// Takes an amount from the budget; returns false if less was left.
    pub(super) fn take(&self, amount: usize) -> bool {
        let left = self.0.get().checked_sub(amount);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

impl GlobAutomaton {
    /// Makes the automaton of a glob.
    pub(super) fn from_glob(glob: &str) -> Self {
        let mut segments: Vec<_> = glob.split('/').skip(1).collect();
        segments.dedup_by(|a, b| *a == "**" && *b == "**");
        let mut steps = Vec::new();
        for segment in &segments {
            match *segment {
                "**" if segments.len() == 1 => steps.extend([Step::Char('/'), Step::Across]),
                "**" => steps.extend([Step::Maybe(2), Step::Char('/'), Step::Across]),
                _ => {
                    steps.push(Step::Char('/'));
                    steps.extend(segment.chars().map(|c| match c {
                        '*' => Step::Many,
                        '?' => Step::One,
                        c => Step::Char(c),
                    }));
                }
            }
        }
        Self { steps }
    }

    /// Makes the automaton that accepts one path.
    pub(super) fn from_path(path: &str) -> Self {
        Self { steps: path.chars().map(Step::Char).collect() }
    }

    /// Returns true if it certainly matches every path that `other` matches; false if `work` runs out first.
    pub(super) fn covers(&self, other: &Self, work: &WorkBudget) -> bool {
        if !work.take(1 + (self.steps.len() + other.steps.len()) / 16) {
            return false;
        }
        let alphabet = alphabet(self, other);
        let mut seen = HashSet::new();
        let mut waiting: Vec<_> = other.begin().into_iter().map(|state| (state, self.begin())).collect();
        while let Some((state, mine)) = waiting.pop() {
            if !work.take(alphabet.len()) {
                return false;
            }
            if seen.len() > MAX_STEPS || other.ends_at(state) && !mine.iter().any(|&m| self.ends_at(m)) {
                return false;
            }
            for &c in &alphabet {
                let next_mine = self.after(&mine, c);
                for next in other.after(&States::from([state]), c) {
                    if seen.insert((next, next_mine.clone())) {
                        waiting.push((next, next_mine.clone()));
                    }
                }
            }
        }
        true
    }

    /// Returns true if some path may match both; false if `work` runs out first.
    pub(super) fn meets(&self, other: &Self, work: &WorkBudget) -> bool {
        if !work.take(1 + self.steps.len().min(other.steps.len()) / 16) || !self.has_same_prefix(other) {
            return false;
        }
        let alphabet = alphabet(self, other);
        let mut seen = HashSet::new();
        let mut waiting = vec![(self.begin(), other.begin())];
        while let Some((mine, its)) = waiting.pop() {
            let both_end =
                mine.iter().any(|&state| self.ends_at(state)) && its.iter().any(|&s| other.ends_at(s));
            if !work.take(alphabet.len()) {
                return false;
            }
            if seen.len() > MAX_STEPS || both_end {
                return true;
            }
            for &c in &alphabet {
                let next = (self.after(&mine, c), other.after(&its, c));
                if !next.0.is_empty() && !next.1.is_empty() && seen.insert(next.clone()) {
                    waiting.push(next);
                }
            }
        }
        false
    }

    /// Returns false if the two differ before the first wildcard of either.
    fn has_same_prefix(&self, other: &Self) -> bool {
        let both = self.steps.iter().zip(&other.steps);
        let mut literal = both.map_while(|both| match both {
            (Step::Char(one), Step::Char(other)) => Some((one, other)),
            _ => None,
        });
        literal.all(|(one, other)| one == other)
    }

    fn begin(&self) -> States {
        let mut states = States::new();
        self.enter(0, &mut states);
        states
    }

    fn after(&self, states: &States, c: char) -> States {
        let mut next = States::new();
        for &state in states {
            match self.steps.get(state) {
                Some(Step::Char(own)) if *own == c => self.enter(state + 1, &mut next),
                Some(Step::One) if c != '/' => self.enter(state + 1, &mut next),
                Some(Step::Many) if c != '/' => self.enter(state, &mut next),
                Some(Step::Across) => self.enter(state, &mut next),
                _ => {}
            }
        }
        next
    }

    /// Adds a state, and the states that it reaches without reading a character.
    fn enter(&self, state: usize, states: &mut States) {
        if !states.insert(state) {
            return;
        }
        match self.steps.get(state) {
            Some(Step::Many | Step::Across) => self.enter(state + 1, states),
            Some(Step::Maybe(skipped)) => {
                self.enter(state + 1, states);
                self.enter(state + 1 + skipped, states);
            }
            _ => {}
        }
    }

    fn ends_at(&self, state: usize) -> bool {
        state == self.steps.len()
    }
}

/// Returns the characters that either names, `/`, and one that represents all others.
fn alphabet(one: &GlobAutomaton, other: &GlobAutomaton) -> BTreeSet<char> {
    let named = one.steps.iter().chain(&other.steps).filter_map(|step| match step {
        Step::Char(c) => Some(*c),
        _ => None,
    });
    let mut alphabet: BTreeSet<char> = named.chain(['/']).collect();
    alphabet.extend(('\u{e000}'..='\u{f8ff}').find(|c| !alphabet.contains(c)));
    alphabet
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::matching::glob::PathGlobs;

    #[test]
    fn a_glob_covers_another_if_it_matches_every_path_of_it() {
        for (glob, other, expected) in [
            ("/a/**", "/a/b/**", true),
            ("/a/**", "/a/*.css", true),
            ("/a/**", "/a", true),
            ("/a/**", "/a/**", true),
            ("/a/**", "/a/**/b", true),
            ("/a/**", "/ab/**", false),
            ("/a/**", "/**", false),
            ("/a/b/**", "/a/**", false),
            ("/**", "/a/?", true),
            ("/**/*", "/**", true),
            ("/**/**", "/**", true),
            ("/*", "/**", false),
            ("/*", "/a", true),
            ("/*", "/a/", false),
            ("/a*", "/a", true),
            ("/a*", "/ab*c", true),
            ("/a?", "/a*", false),
            ("/*.css", "/a*.css", true),
            ("/**/*.css", "/x/*/y.css", true),
            ("/**/a/**", "/a", true),
            ("/**/a/**", "/b/a/c*", true),
            ("/a/**/b", "/a/b", true),
            ("/a/*/b", "/a/**/b", false),
        ] {
            assert_eq!(
                GlobAutomaton::from_glob(glob)
                    .covers(&GlobAutomaton::from_glob(other), &WorkBudget::new(usize::MAX)),
                expected,
                "{glob} {other}"
            );
        }
    }

    #[test]
    fn globs_meet_if_some_path_matches_both() {
        for (glob, other, expected) in [
            ("/a/**", "/a/b", true),
            ("/a/**", "/b/**", false),
            ("/a/**", "/a", true),
            ("/a/*", "/a/*/c", false),
            ("/*.css", "/a*", true),
            ("/*.css", "/*.js", false),
            ("/**/x", "/y/**", true),
        ] {
            for (one, two) in [(glob, other), (other, glob)] {
                assert_eq!(
                    GlobAutomaton::from_glob(one)
                        .meets(&GlobAutomaton::from_glob(two), &WorkBudget::new(usize::MAX)),
                    expected,
                    "{one} {two}"
                );
            }
        }
    }

    #[test]
    fn a_comparison_that_takes_too_long_is_unknown() {
        let hard = format!("/*a{}", "?".repeat(20));
        let harder = GlobAutomaton::from_glob(&format!("/*a*a{}", "?".repeat(20)));
        let (hard, plenty) = (GlobAutomaton::from_glob(&hard), WorkBudget::new(usize::MAX));
        assert!(!hard.covers(&harder, &plenty));
        assert!(GlobAutomaton::from_glob("/**").covers(&hard, &plenty));
    }

    #[test]
    fn without_work_left_nothing_covers_or_meets() {
        let (all, one) = (GlobAutomaton::from_glob("/**"), GlobAutomaton::from_glob("/a"));
        for (left, found) in [(usize::MAX, true), (3, false), (0, false)] {
            assert_eq!(all.covers(&one, &WorkBudget::new(left)), found, "{left}");
            assert_eq!(all.meets(&one, &WorkBudget::new(left)), found, "{left}");
        }
    }

    fn glob() -> impl Strategy<Value = String> {
        let segment = prop_oneof![Just("**".to_owned()), "[ab?]{0,2}\\*?[ab]?".boxed()];
        prop::collection::vec(segment, 1..4).prop_map(|segments| {
            let last = segments.len() - 1;
            let named =
                segments.iter().enumerate().filter(|(at, segment)| *at == last || !segment.is_empty());
            named.flat_map(|(_, segment)| ["/".to_owned(), segment.clone()]).collect()
        })
    }

    fn matches(glob: &str, path: &str) -> bool {
        PathGlobs::new([glob]).unwrap().find(path).is_some()
    }

    proptest! {
        #[test]
        fn every_path_of_a_covered_glob_matches_the_one_that_covers_it(
            one in glob(), two in glob(), paths in prop::collection::vec("(/[abc]{0,2}){1,4}", 24),
        ) {
            let (first, second) = (GlobAutomaton::from_glob(&one), GlobAutomaton::from_glob(&two));
            let (covers, meets) = (first.covers(&second, &WorkBudget::new(usize::MAX)), first.meets(&second, &WorkBudget::new(usize::MAX)));
            for path in paths {
                let (in_one, in_two) = (matches(&one, &path), matches(&two, &path));
                prop_assert_eq!(first.covers(&GlobAutomaton::from_path(&path), &WorkBudget::new(usize::MAX)), in_one, "{} {}", one, path);
                prop_assert!(!covers || !in_two || in_one, "{} {} {}", one, two, path);
                prop_assert!(meets || !(in_one && in_two), "{} {} {}", one, two, path);
            }
        }
    }
}
