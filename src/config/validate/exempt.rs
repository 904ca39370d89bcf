//! Validates `[exempt]`.

use toml::Spanned;

use crate::config::document::ExemptSection;
use crate::config::report::Report;
use crate::invalid_value::InvalidValue;
use crate::matching::exempt::{self, Exemptions, Rule, RuleKind};
use crate::matching::glob::PathGlobs;

pub(super) fn validate(section: &ExemptSection, report: &Report) -> Exemptions {
    let lists = [
        (RuleKind::Exact, &section.exact, exempt::check_exact as fn(&str) -> Result<(), InvalidValue>),
        (RuleKind::Path, &section.paths, PathGlobs::check),
        (RuleKind::Network, &section.networks, exempt::check_network),
    ];
    let mut rules = Vec::new();
    for (kind, list, check) in lists {
        for text in list.iter().flat_map(Spanned::get_ref) {
            if report.valid(text.span(), check(text.get_ref())).is_some() {
                rules.push(Rule { kind, text: text.get_ref().clone(), line: report.line(&text.span()) });
            }
        }
    }
    let span = section.paths.as_ref().map_or(0..0, Spanned::span);
    report.valid(span, Exemptions::new(rules)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    #[test]
    fn globs_that_take_too_much_memory_together_are_refused() {
        for section in ["[exempt]", "[[period]]\nstart = 2026-12-01T22:00:00Z"] {
            let glob = format!("'/{}'", "?".repeat(900));
            let text = format!("{section}\npaths = [{}]", vec![glob; 100].join(", "));
            let reading =
                Config::parse("downtime.toml", &text, Path::new("/"), &|_| Err("does not exist".into()));
            assert!(reading.config.is_none());
            let [error] = &reading.diagnostics[..] else { panic!("{:?}", reading.diagnostics) };
            assert!(error.message.ends_with("at most 50000 are allowed"), "{}", error.message);
            assert_eq!(error.place.as_ref().unwrap().span.start, section.len() + "\npaths = ".len());
        }
    }
}
