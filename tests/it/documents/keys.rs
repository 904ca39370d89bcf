//! The sections of the file, and the keys that the parser knows in each.

use super::Directory;

/// A section of the file.
pub(crate) struct ReferenceSection {
    /// Its header; empty for the top level.
    pub(crate) header: &'static str,
    /// A sentence that the reference adds to its description.
    pub(crate) more: &'static str,
}

/// All sections, in the order of the reference.
pub(crate) const SECTIONS: [ReferenceSection; 14] = [
    ReferenceSection { header: "", more: "" },
    ReferenceSection { header: "[server]", more: "" },
    ReferenceSection { header: "[site]", more: "See [Getting started](getting-started.md)." },
    ReferenceSection { header: "[exempt]", more: "See [Exemptions and scopes](exemptions.md)." },
    ReferenceSection {
        header: "[response]",
        more: "See [Responses](responses.md) and [Templates](templates.md).",
    },
    ReferenceSection { header: "[page]", more: "See [The built-in page](responses.md#the-built-in-page)." },
    ReferenceSection { header: "[management]", more: "See [Management](operating.md#management)." },
    ReferenceSection { header: "[admin]", more: "See [Admin page](admin.md)." },
    ReferenceSection { header: "[limits]", more: "See [Limits](operating.md#limits)." },
    ReferenceSection { header: "[hooks]", more: "See [Hooks and webhooks](hooks.md)." },
    ReferenceSection { header: "[[webhook]]", more: "See [Webhooks](hooks.md#webhooks)." },
    ReferenceSection { header: "[log]", more: "See [Logs](monitoring.md#logs)." },
    ReferenceSection { header: "[[period]]", more: "See [Periods](recurring-periods.md)." },
    ReferenceSection { header: "[[bypass]]", more: "See [Testers](testers.md)." },
];

impl ReferenceSection {
    pub(crate) fn heading(&self) -> String {
        if self.header.is_empty() { "Top level".into() } else { format!("`{}`", self.header) }
    }
}

/// Returns the keys that the parser knows in a section, which it lists if it finds an unknown one.
pub(crate) fn known_keys(section: &ReferenceSection) -> Vec<String> {
    let header = section.header;
    let list = first(&format!("{header}\n\"?\" = 0\n"), "help", "known keys: ");
    let keys = list.split_once("; known sections: ").map_or(list.as_str(), |(keys, _)| keys);
    keys.split(", ").map(str::to_owned).collect()
}

/// Returns what follows `prefix` in the first problem of a text that has it in this field.
fn first(text: &str, field: &str, prefix: &str) -> String {
    let summary = Directory::with(text).check();
    let mut problems = summary["diagnostics"].as_array().unwrap().iter();
    let found = problems.find_map(|problem| problem[field].as_str()?.strip_prefix(prefix));
    found.unwrap_or_else(|| panic!("{text}: {summary}")).to_owned()
}
