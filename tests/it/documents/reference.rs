//! The reference of all keys in `docs/configuration.md`, generated from the doc comments in `src/config/document.rs`.
//!
//! `SNAPSHOTS=overwrite cargo test --test it documents` writes it into the document.

use std::fmt::Write as _;

use downtime::config::reference::{KeyReference, SectionReference, reference};

use super::document::{MarkdownDocument, is_overwriting};
use super::keys::{SECTIONS, known_keys};

const BEGIN: &str = "<!-- generated from src/config/document.rs: the keys -->\n";
const END: &str = "<!-- end of the generated part -->\n";

#[test]
fn the_reference_has_each_key_of_the_schema() {
    let mut document = MarkdownDocument::read("docs/configuration.md");
    let begin = document.text.find(BEGIN).expect(BEGIN) + BEGIN.len();
    let end = document.text.find(END).expect(END);
    let reference = render();
    if is_overwriting() && document.text[begin..end] != reference {
        document.text.replace_range(begin..end, &reference);
        document.write();
    } else {
        assert_eq!(document.text[begin..end], reference, "{}", module_path!());
    }
}

/// Renders all sections, in the order in which the parser reads them.
fn render() -> String {
    reference().iter().map(render_section).collect::<String>() + "\n"
}

fn render_section(section: &SectionReference) -> String {
    let known = SECTIONS.iter().find(|known| known.header == section.header).expect("it is in SECTIONS");
    let names = known_keys(known);
    assert_eq!(names.len(), section.keys.len(), "{}", section.header);
    let keys = names.iter().map(|name| section.keys.iter().find(|key| key.name == *name).expect(name));
    let introduction = if section.header.is_empty() {
        "These keys come before the first section."
    } else {
        &section.description
    };
    let mut text = format!("\n### {}\n\n{introduction}\n", known.heading());
    if !known.more.is_empty() {
        let _ = writeln!(text, "{}", known.more);
    }
    text + &keys.map(render_key).collect::<String>()
}

fn render_key(key: &KeyReference) -> String {
    let mut text = format!("\n#### `{}`\n\nType: {}", key.path, key.kind);
    if let Some(default) = &key.default {
        let _ = write!(text, ". Default: `{default}`");
    }
    let _ = write!(text, ".\n\n{}\n", key.description);
    if !key.examples.is_empty() {
        let lines: Vec<_> =
            key.examples.iter().map(|example| format!("`{} = {example}`", key.name)).collect();
        let _ = write!(text, "\nExample: {}\n", lines.join(" or "));
    }
    text
}
