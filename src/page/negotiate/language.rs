//! Content negotiation by `Accept-Language` (RFC 9110, section 12.5.4), by lookup (RFC 4647, section 3.4).

use http::header::ACCEPT_LANGUAGE;
use http::{HeaderMap, HeaderValue};

use crate::http1::weighted::weighted;
use crate::page::language::Language;

/// Returns the offered language that the client weighs most. Without one, it is `default` if that is offered, else the first.
/// If nothing is offered, it is `default`.
pub(in crate::page) fn choose_language(
    headers: &HeaderMap,
    offered: &[Language],
    default: Language,
) -> Language {
    let first = offered.first().copied().unwrap_or(default);
    let default = if offered.contains(&default) { default } else { first };
    if offered.len() < 2 {
        return default;
    }
    let mut best: Option<(Language, u16)> = None;
    let lines = headers.get_all(ACCEPT_LANGUAGE).iter().map(HeaderValue::as_bytes);
    for (range, weight) in weighted(lines) {
        if weight == 0 || best.is_some_and(|(_, best)| best >= weight) {
            continue;
        }
        let found = if range == "*" { Some(default) } else { lookup(range, offered) };
        best = found.map(|language| (language, weight)).or(best);
    }
    best.map_or(default, |(language, _)| language)
}

/// Returns the language that serves the readers of a tag or range best.
pub(in crate::page) fn nearest_language(range: &str) -> Option<Language> {
    let all: Vec<_> = Language::all().collect();
    lookup(range, &all)
}

/// Looks a language range up, with ever fewer of its subtags.
fn lookup(range: &str, offered: &[Language]) -> Option<Language> {
    let mut range = range.to_ascii_lowercase();
    loop {
        let names = std::iter::once(range.as_str()).chain(other_tags(&range).iter().copied());
        let known = names.filter_map(Language::from_tag);
        if let Some(language) = known.into_iter().find(|language| offered.contains(language)) {
            return Some(language);
        }
        let end = range.rfind('-')?;
        range.truncate(end);
        // A single character introduces an extension, and is not a subtag of its own.
        if range.len() > 2 && range.as_bytes().get(range.len() - 2) == Some(&b'-') {
            range.truncate(range.len() - 2);
        }
    }
}

/// Returns the tags that serve the readers of `range`, which is in lower case, besides the tag itself: other names of the
/// language (IANA language subtag registry), its script (CLDR, likely subtags), or another country's variety.
fn other_tags(range: &str) -> &'static [&'static str] {
    match range {
        "zh" | "zh-cn" | "zh-sg" | "zh-my" | "cmn" => &["zh-Hans"],
        "zh-tw" | "zh-hk" | "zh-mo" | "yue" => &["zh-Hant"],
        "pt" | "pt-br" => &["pt-BR", "pt-PT"],
        "pt-pt" | "pt-ao" | "pt-mz" | "pt-cv" | "pt-gw" | "pt-st" | "pt-tl" | "pt-mo" => &["pt-PT", "pt-BR"],
        "no" | "nn" => &["nb"],
        "iw" => &["he"],
        "in" => &["id"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn chosen(field: &str, offered: &[&str], default: &str) -> &'static str {
        let language = |tag: &str| Language::from_tag(tag).unwrap();
        let offered: Vec<_> = offered.iter().map(|tag| language(tag)).collect();
        let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_str(field).unwrap())]);
        choose_language(&headers, &offered, language(default)).tag()
    }

    #[test]
    fn the_offered_language_with_the_greatest_weight_is_chosen() {
        for (field, expected) in [
            ("de", "de"),
            ("de-AT, en;q=0.5", "de"),
            ("en;q=0.5, de;q=0.6", "de"),
            ("fr, de", "de"),
            ("de, en", "de"),
            ("EN-gb, de", "en"),
            ("de-Latn-AT-1996-x-private", "de"),
            ("de-u-co-phonebk", "de"),
            ("de;q=0, en;q=0.1", "en"),
            ("de;q=0", "en"),
            ("fr", "en"),
            ("", "en"),
            ("*", "en"),
            ("fr, *;q=0.5, de;q=0.1", "en"),
            ("pt-PT", "pt-BR"),
            ("pt", "pt-BR"),
            ("pt-AO", "pt-BR"),
            ("d", "en"),
            ("-de-", "en"),
        ] {
            assert_eq!(chosen(field, &["en", "de", "pt-BR"], "en"), expected, "{field}");
        }
    }

    #[test]
    fn a_default_that_is_not_offered_gives_way_to_the_first_language() {
        assert_eq!(chosen("fr", &["de", "ja"], "en"), "de");
        assert_eq!(chosen("fr", &["fr"], "en"), "fr");
        assert_eq!(chosen("en", &["fr"], "en"), "fr");
        assert_eq!(chosen("fr", &[], "en"), "en");
    }
}
