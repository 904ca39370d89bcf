//! A tree of segments that finds which of many globs match a path.

use std::collections::{BTreeSet, HashMap, HashSet};

/// The first node.
const ROOT: usize = 0;

/// The steps that a search may take: nodes, comparisons of a byte, and globs found. A path of a few segments takes some for each glob with
/// wildcards; one of thousands, below `**`, would take as many times more.
const MAX_STEPS: usize = 10_000;
/// The steps that it may take besides for each glob.
const MAX_STEPS_PER_GLOB: usize = 500;

/// Globs by their segments. A segment of a path takes one look at a table, however many globs there are, and a comparison with each
/// segment with wildcards that globs have at that place, if it begins and ends in the same way. Below `**`, it does so from each
/// segment on.
#[derive(Clone, Debug, Default)]
pub(super) struct GlobTree {
    nodes: Vec<Node>,
    /// The number of globs.
    count: usize,
}

/// A search has ended because it would take too many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooManySteps;

/// Nodes by the segment before them.
type Segments = HashMap<Box<str>, usize>;

/// What globs have in common up to a segment.
#[derive(Clone, Debug, Default)]
struct Node {
    /// The nodes after a segment without wildcards.
    literal: Segments,
    /// The nodes after a segment with `*` or `?`, if there are any.
    wildcard: Option<Box<Wildcards>>,
    /// The node after `**`.
    any_depth: Option<usize>,
    /// The globs that end here.
    ends: Vec<usize>,
    /// The globs that have only `**` after this.
    subtrees: Vec<usize>,
}

/// Nodes after segments with `*` or `?`.
#[derive(Clone, Debug, Default)]
struct Wildcards {
    /// The nodes by the text before the first `*` or `?`, by that after the last one, and then by the segment.
    by_ends: HashMap<Box<str>, HashMap<Box<str>, Segments>>,
    /// The lengths of these two texts.
    lengths: BTreeSet<(usize, usize)>,
}

impl GlobTree {
    /// Makes the tree of some globs, in each of which `**` is a whole segment.
    pub(super) fn new<'t>(globs: impl IntoIterator<Item = &'t str>) -> Self {
        let mut tree = Self::default();
        for (index, glob) in globs.into_iter().enumerate() {
            tree.insert(glob, index);
            tree.count += 1;
        }
        tree
    }

    fn insert(&mut self, glob: &str, index: usize) {
        let mut segments: Vec<_> = glob.split('/').skip(1).collect();
        segments.dedup_by(|a, b| *a == "**" && *b == "**");
        let has_subtree = segments.pop_if(|last| *last == "**").is_some();
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let last = segments.into_iter().fold(ROOT, |at, segment| self.next(at, segment));
        if let Some(node) = self.nodes.get_mut(last) {
            if has_subtree { node.subtrees.push(index) } else { node.ends.push(index) }
        }
    }

    /// Returns the node after a segment, which is made if it is not there.
    fn next(&mut self, at: usize, segment: &str) -> usize {
        let new = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else { return at };
        let next = match segment {
            "**" => node.any_depth.get_or_insert(new),
            _ if segment.contains(['*', '?']) => {
                node.wildcard.get_or_insert_default().nodes(segment).entry(segment.into()).or_insert(new)
            }
            _ => node.literal.entry(segment.into()).or_insert(new),
        };
        let next = *next;
        if next == new {
            self.nodes.push(Node::default());
        }
        next
    }

    /// Calls `found` with the indices of the globs that match a decoded path, in any order, until it returns true. Returns true if it
    /// did.
    ///
    /// # Errors
    /// The search takes too many steps.
    pub(super) fn search(
        &self,
        path: &str,
        found: impl FnMut(&[usize]) -> bool,
    ) -> Result<bool, TooManySteps> {
        let Some(path) = path.strip_prefix('/') else { return Ok(false) };
        let steps_left = MAX_STEPS.saturating_add(self.count.saturating_mul(MAX_STEPS_PER_GLOB));
        let (entered, reported) = (HashSet::new(), HashSet::new());
        let mut search = Search { nodes: &self.nodes, found, entered, reported, steps_left };
        let is_found = search.follow(ROOT, Some(path));
        if search.steps_left == 0 { Err(TooManySteps) } else { Ok(is_found) }
    }
}

impl Wildcards {
    /// Returns the nodes after segments that begin and end like this one.
    fn nodes(&mut self, segment: &str) -> &mut Segments {
        let beginning = segment.split(['*', '?']).next().unwrap_or_default();
        let ending = segment.rsplit(['*', '?']).next().unwrap_or_default();
        self.lengths.insert((beginning.len(), ending.len()));
        self.by_ends.entry(beginning.into()).or_default().entry(ending.into()).or_default()
    }

    /// Returns the nodes after segments whose ends have these lengths and are those of a segment of a path.
    fn with_ends(&self, segment: &str, (beginning, ending): (usize, usize)) -> Option<&Segments> {
        let (beginning, rest) = segment.split_at_checked(beginning)?;
        let (_, ending) = rest.split_at_checked(rest.len().checked_sub(ending)?)?;
        self.by_ends.get(beginning)?.get(ending)
    }
}

/// A search for the globs that match one path.
struct Search<'t, F> {
    nodes: &'t [Node],
    found: F,
    /// The nodes after `**` that the search has been at. It comes to each for the first time with the longest rest of the path,
    /// so that any other visit would find nothing more.
    entered: HashSet<usize>,
    /// The nodes below `**` whose subtrees were found.
    reported: HashSet<usize>,
    /// Zero ends the search.
    steps_left: usize,
}

impl<F: FnMut(&[usize]) -> bool> Search<'_, F> {
    /// Follows the rest of a path from a node; `None` is the end of the path. Returns true if the search is over.
    fn follow(&mut self, at: usize, rest: Option<&str>) -> bool {
        let nodes = self.nodes;
        let Some(node) = nodes.get(at) else { return false };
        if self.takes_too_long(1) || self.report_subtrees(at, &node.subtrees) {
            return true;
        }
        if node.any_depth.is_some_and(|next| self.follow_to_any_depth(next, rest)) {
            return true;
        }
        let Some(rest) = rest else { return self.report(&node.ends) };
        let (segment, rest) = split(rest);
        node.literal.get(segment).is_some_and(|&next| self.follow(next, rest))
            || node.wildcard.as_ref().is_some_and(|wildcards| self.follow_wildcards(wildcards, segment, rest))
    }

    fn follow_wildcards(&mut self, wildcards: &Wildcards, segment: &str, rest: Option<&str>) -> bool {
        for lengths in &wildcards.lengths {
            if self.takes_too_long(1) {
                return true;
            }
            for (glob, &next) in wildcards.with_ends(segment, *lengths).into_iter().flatten() {
                let is_match = is_match(glob.as_bytes(), segment.as_bytes(), &mut self.steps_left);
                if self.steps_left == 0 || is_match && self.follow(next, rest) {
                    return true;
                }
            }
        }
        false
    }

    fn follow_to_any_depth(&mut self, next: usize, mut rest: Option<&str>) -> bool {
        if !self.entered.insert(next) {
            return false;
        }
        while let Some(text) = rest {
            if self.follow(next, rest) {
                return true;
            }
            rest = split(text).1;
        }
        false
    }

    fn report_subtrees(&mut self, at: usize, globs: &[usize]) -> bool {
        // Only below `**` does a search come to a node more than once.
        let is_new = globs.is_empty() || self.entered.is_empty() || self.reported.insert(at);
        is_new && self.report(globs)
    }

    fn report(&mut self, globs: &[usize]) -> bool {
        !globs.is_empty() && (self.takes_too_long(globs.len()) || (self.found)(globs))
    }

    fn takes_too_long(&mut self, steps: usize) -> bool {
        self.steps_left = self.steps_left.saturating_sub(steps);
        self.steps_left == 0
    }
}

/// Splits off the first segment.
fn split(rest: &str) -> (&str, Option<&str>) {
    rest.split_once('/').map_or((rest, None), |(segment, rest)| (segment, Some(rest)))
}

/// Returns true if a segment of a glob matches one of a path, and takes the steps from those that are left. A `?` matches one byte.
fn is_match(glob: &[u8], text: &[u8], steps_left: &mut usize) -> bool {
    let (mut at, mut read) = (0, 0);
    // After a `*`: what follows it in the glob, and what it has not taken of the text.
    let mut star = None;
    loop {
        *steps_left = steps_left.saturating_sub(1);
        match (glob.get(at), text.get(read)) {
            _ if *steps_left == 0 => return false,
            (None, None) => return true,
            (Some(b'*'), _) => {
                at += 1;
                star = Some((at, read));
            }
            // What follows the last `*` matches the same number of bytes wherever it begins.
            (_, None) => return false,
            (Some(own), Some(byte)) if *own == b'?' || own == byte => (at, read) = (at + 1, read + 1),
            _ => {
                let Some((after, from)) = star else { return false };
                (at, read) = (after, from + 1);
                star = Some((at, read));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use globset::{GlobBuilder, GlobSet};
    use proptest::prelude::*;

    use crate::matching::glob::PathGlobs;
    use crate::matching::path::RequestPath;

    /// Compiles globs with globset, which needs one more for each that ends in `/**`.
    fn globset(globs: &[String]) -> GlobSet {
        let mut set = GlobSet::builder();
        for glob in globs {
            let stem = glob.trim_end_matches("/**");
            for text in [glob.as_str(), if stem.is_empty() { glob } else { stem }] {
                let mut builder = GlobBuilder::new(text);
                set.add(builder.literal_separator(true).backslash_escape(false).build().unwrap());
            }
        }
        set.build().unwrap()
    }

    fn assert_agree(globs: &[String], path: &str) {
        let mut expected: Vec<_> = globset(globs).matches(path).iter().map(|index| index / 2).collect();
        expected.dedup();
        let own = PathGlobs::join(globs.iter().map(String::as_str));
        assert_eq!(own.find(path), expected.first().copied(), "{globs:?} {path:?}");
        assert_eq!(own.may_match(path), !expected.is_empty(), "{globs:?} {path:?}");
        assert_eq!(own.find_all(path), Some(expected), "{globs:?} {path:?}");
    }

    /// Globs with few letters, so that many of them match.
    fn any_globs() -> impl Strategy<Value = Vec<String>> {
        let segments = |glob: String| {
            let segment = |segment: &str| if segment.contains("**") { "**" } else { segment }.to_owned();
            glob.split('/').map(segment).collect::<Vec<_>>().join("/")
        };
        let glob = "(/(a|b|aa|é|\\*\\*|[ab*?]{0,4}|[aé.*? ]{0,3})){1,5}";
        prop::collection::vec(glob.prop_map(segments), 0..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn a_tree_finds_the_globs_that_globset_finds(
            globs in any_globs(), path in "(/(a|b|é|[ab.é*? ]{0,3}|\u{1})){1,6}",
        ) {
            assert_agree(&globs, &path);
        }

        #[test]
        fn it_finds_them_for_what_clients_send(
            globs in any_globs(), raw in "(/(a|b|%61|%62|A|[.]|%20|[*]|%2A|%C3%A9){0,3}){1,6}(|//|%2F|%00|;|%)",
        ) {
            if let Some(path) = RequestPath::new(&raw).canonical() {
                assert_agree(&globs, path);
            }
        }
    }

    #[test]
    fn a_path_that_a_glob_may_match_in_many_ways_takes_few_steps() {
        let globs = ["/**/a".repeat(25) + "/b", "/**/?*?".repeat(25) + "/b"];
        let globs = PathGlobs::join(globs.iter().map(String::as_str));
        assert_eq!(globs.find_all(&"/aaa".repeat(20)), Some(vec![]));
        assert_eq!(globs.find_all(&("/aaa".repeat(20) + "/b")), Some(vec![]));
        assert_eq!(globs.find_all(&("/aaa".repeat(30) + "/b")), Some(vec![1]));
        assert_eq!(globs.find_all(&("/a".repeat(30) + "/b")), Some(vec![0]));
    }

    #[test]
    fn what_would_take_too_many_steps_is_not_found_and_may_match() {
        let words: Vec<_> = (0..20).map(|number| format!("/**/*word{number}*")).collect();
        let star = format!("/{}b*", "*a".repeat(200));
        let question = "/**/?*".repeat(165) + "/z0";
        for (globs, path) in [
            (words.iter().map(String::as_str).collect::<Vec<_>>(), "/a".repeat(7900)),
            (vec![&*star], format!("/{}", "a".repeat(15_000))),
            (vec![&*question], "/a".repeat(7900)),
        ] {
            let globs = PathGlobs::join(globs);
            assert_eq!(
                (globs.find(&path), globs.find_all(&path), globs.may_match(&path)),
                (None, None, true)
            );
        }
        let words = PathGlobs::join(words.iter().map(String::as_str));
        assert_eq!(words.find(&("/a-long-segment".repeat(30) + "/my-word7")), Some(7));
    }

    #[test]
    fn globs_of_a_subtree_are_found_once() {
        let globs = PathGlobs::join(std::iter::repeat_n("/**/a/**", 1000));
        assert_eq!(globs.find_all(&"/a".repeat(400)), Some((0..1000).collect()));
    }

    #[test]
    fn the_longest_glob_is_followed_to_its_end() {
        let longest = "/*".repeat(500);
        let globs = PathGlobs::new([longest.as_str()]).unwrap();
        assert!(globs.may_match(&"/a".repeat(500)));
        assert!(!globs.may_match(&"/a".repeat(499)) && !globs.may_match(&"/a".repeat(501)));
    }

    #[test]
    fn a_text_that_is_not_a_path_matches_nothing() {
        let globs = PathGlobs::join(["/**", "/a"]);
        assert!(!globs.may_match("a") && !globs.may_match("") && !globs.may_match("*"));
    }
}
