//! The differences from other parsers that `docs/ARCHITECTURE.md` lists are those that the fuzz target allows.

use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ARCHITECTURE.md"));
const TARGET: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/fuzz_targets/differential/differences.rs"));

#[test]
fn each_difference_that_the_fuzz_target_allows_is_in_the_table_and_no_other() {
    let (_, section) = DOCUMENT.split_once("### Differences from other parsers\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| We ")?.split_once(" | "));
    let listed: BTreeSet<_> = rows.map(|(name, _)| format!("We {name}")).collect();
    let texts = TARGET.lines().filter_map(|line| line.split_once(" \"We ")?.1.split_once('"'));
    let allowed: BTreeSet<_> = texts.map(|(name, _)| format!("We {name}")).collect();
    assert_eq!(listed, allowed);
    assert!(listed.len() > 20, "too few differences were found");
}
