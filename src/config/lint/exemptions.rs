//! Warns of exemptions that cover more or less than they seem to, or nothing new.

mod networks;

use std::collections::HashMap;

use toml::Spanned;

use super::LintInput;
use super::cover::{GlobAutomaton, WorkBudget};
use super::paths::{GlobList, Globs, warn_of_star};
use crate::matching::exempt::{Rule, RuleKind};
use crate::matching::glob::PathGlobs;

/// Each rule is compared with at most this many others that may cover it.
const MAX_CANDIDATES: usize = 8;
/// The number of steps that all comparisons of rules may take together.
const MAX_WORK: usize = 3_000_000;

pub(super) fn lint(input: &LintInput<'_>) {
    let rules = rules(input);
    let (networks, paths): (Vec<_>, Vec<_>) =
        rules.into_iter().partition(|(_, rule)| rule.kind == RuleKind::Network);
    lint_paths(&paths, input);
    networks::lint(&networks, input);
}

type RuleText<'a> = (&'a Spanned<String>, &'a Rule);

fn rules<'a>(input: &LintInput<'a>) -> Vec<RuleText<'a>> {
    let section = &input.document.exempt;
    let lists = [&section.exact, &section.paths, &section.networks];
    let value = lists.into_iter().flatten().flat_map(Spanned::get_ref);
    value.zip(input.config.rules.exemptions.rules()).collect()
}

fn lint_paths(rules: &[RuleText<'_>], input: &LintInput<'_>) {
    let automata: Vec<_> = rules.iter().map(|(_, rule)| automaton(rule)).collect();
    let everything = GlobAutomaton::from_glob("/**");
    let work = WorkBudget::new(MAX_WORK);
    let passes_all: Vec<_> = automata.iter().map(|automaton| automaton.covers(&everything, &work)).collect();
    let globs = Globs::new(GlobList::Exempt, rules.iter().map(|(_, rule)| rule.text.as_str()));
    let covering = Covering::new(rules, &automata, &passes_all, &work);
    for (index, (value, rule)) in rules.iter().enumerate() {
        if passes_all.get(index) == Some(&true) {
            let message = "this exempts every path: no period has any effect";
            input.warn(value.span(), message, "list only what must stay up, such as `/admin/**`");
        } else if rule.kind == RuleKind::Exact && rule.text.contains('*') {
            warn_of_star(value, input);
        } else if let Some(other) = covering.covering(index) {
            warn_of_covered(value, other, input);
        } else if rule.kind == RuleKind::Path {
            globs.lint(value, input);
        }
    }
    if let (true, Some((value, _))) = (work.is_spent(), rules.first()) {
        let message =
            "some rules were not compared with the others: there are too many, or they are too long";
        input.note(value.span(), message, "check again when there are fewer");
    }
}

fn automaton(rule: &Rule) -> GlobAutomaton {
    if rule.kind == RuleKind::Exact {
        GlobAutomaton::from_path(&rule.text)
    } else {
        GlobAutomaton::from_glob(&rule.text)
    }
}

fn warn_of_covered(value: &Spanned<String>, other: &Rule, input: &LintInput<'_>) {
    let Rule { text, line, .. } = other;
    let message = if text == value.get_ref() {
        format!("`{text}` is already exempt (line {line})")
    } else {
        format!("`{}` is already exempt: `{text}` (line {line}) covers it", value.get_ref())
    };
    input.warn(value.span(), message, "remove it");
}

/// Finds rules that cover others.
struct Covering<'r> {
    rules: &'r [RuleText<'r>],
    automata: &'r [GlobAutomaton],
    passes_all: &'r [bool],
    exact: HashMap<&'r str, usize>,
    globs: PathGlobs,
    /// The first rule with each glob, by the index of the glob in `globs`.
    glob_rules: Vec<usize>,
    /// The first rule with each glob, by the text of the glob.
    first: HashMap<&'r str, usize>,
    work: &'r WorkBudget,
}

impl<'r> Covering<'r> {
    fn new(
        rules: &'r [RuleText<'r>],
        automata: &'r [GlobAutomaton],
        passes_all: &'r [bool],
        work: &'r WorkBudget,
    ) -> Self {
        let mut exact = HashMap::new();
        let mut first = HashMap::new();
        let mut glob_rules = Vec::new();
        for (index, (_, rule)) in rules.iter().enumerate() {
            let text = rule.text.as_str();
            if rule.kind == RuleKind::Exact {
                exact.entry(text).or_insert(index);
            } else if *first.entry(text).or_insert(index) == index {
                glob_rules.push(index);
            }
        }
        let texts = glob_rules.iter().filter_map(|&index| Some(rules.get(index)?.1.text.as_str()));
        let globs = PathGlobs::new(texts).unwrap_or_default();
        Self { rules, automata, passes_all, exact, globs, glob_rules, first, work }
    }

    /// Returns a rule that certainly covers the one at `index`. If two cover each other, only the second is covered.
    fn covering(&self, index: usize) -> Option<&'r Rule> {
        let (_, rule) = self.rules.get(index)?;
        if rule.kind == RuleKind::Path
            && let Some(&first) = self.first.get(rule.text.as_str())
            && first < index
        {
            return self.rules.get(first).map(|(_, rule)| *rule);
        }
        let duplicate = self.exact.get(rule.text.as_str()).copied().filter(|&first| first < index);
        let sample = if rule.kind == RuleKind::Exact { rule.text.clone() } else { sample(&rule.text) };
        let found = self.globs.find_all(&sample).unwrap_or_default();
        let globs = found.into_iter().filter_map(|glob| self.glob_rules.get(glob).copied());
        let exact = duplicate.filter(|_| rule.kind == RuleKind::Exact);
        let others = exact.into_iter().chain(globs.filter(|&other| other != index).take(MAX_CANDIDATES));
        let other = others.filter(|&other| self.covers(other, index)).min()?;
        self.rules.get(other).map(|(_, rule)| *rule)
    }

    fn covers(&self, other: usize, index: usize) -> bool {
        let (Some(one), Some(two)) = (self.automata.get(other), self.automata.get(index)) else {
            return false;
        };
        self.passes_all.get(other) == Some(&false)
            && one.covers(two, self.work)
            && (other < index || !two.covers(one, self.work))
    }
}

/// Returns a path that the glob matches, and so every glob that covers it.
fn sample(glob: &str) -> String {
    glob.replace("/**", "/x/y").replace(['*', '?'], "x")
}
