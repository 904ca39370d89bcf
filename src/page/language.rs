//! The languages of the down page.

mod ar;
mod bg;
mod bn;
mod ca;
mod cs;
mod da;
mod de;
mod el;
mod en;
mod es;
mod et;
mod fa;
mod fi;
mod fr;
mod he;
mod hi;
mod hr;
mod hu;
mod id;
mod it;
mod ja;
mod ko;
mod lt;
mod lv;
mod nb;
mod nl;
mod pl;
mod pt_br;
mod pt_pt;
mod ro;
mod ru;
mod sk;
mod sl;
mod sr;
mod sv;
mod th;
mod tr;
mod uk;
mod vi;
mod words;
mod zh_hans;
mod zh_hant;

use std::fmt;

pub use self::words::Words;

/// The languages: their tags (BCP 47) and words. English is the first, the others follow in the order of their tags.
const LANGUAGES: [(&str, &Words); 41] = [
    ("en", &en::WORDS),
    ("ar", &ar::WORDS),
    ("bg", &bg::WORDS),
    ("bn", &bn::WORDS),
    ("ca", &ca::WORDS),
    ("cs", &cs::WORDS),
    ("da", &da::WORDS),
    ("de", &de::WORDS),
    ("el", &el::WORDS),
    ("es", &es::WORDS),
    ("et", &et::WORDS),
    ("fa", &fa::WORDS),
    ("fi", &fi::WORDS),
    ("fr", &fr::WORDS),
    ("he", &he::WORDS),
    ("hi", &hi::WORDS),
    ("hr", &hr::WORDS),
    ("hu", &hu::WORDS),
    ("id", &id::WORDS),
    ("it", &it::WORDS),
    ("ja", &ja::WORDS),
    ("ko", &ko::WORDS),
    ("lt", &lt::WORDS),
    ("lv", &lv::WORDS),
    ("nb", &nb::WORDS),
    ("nl", &nl::WORDS),
    ("pl", &pl::WORDS),
    ("pt-BR", &pt_br::WORDS),
    ("pt-PT", &pt_pt::WORDS),
    ("ro", &ro::WORDS),
    ("ru", &ru::WORDS),
    ("sk", &sk::WORDS),
    ("sl", &sl::WORDS),
    ("sr", &sr::WORDS),
    ("sv", &sv::WORDS),
    ("th", &th::WORDS),
    ("tr", &tr::WORDS),
    ("uk", &uk::WORDS),
    ("vi", &vi::WORDS),
    ("zh-Hans", &zh_hans::WORDS),
    ("zh-Hant", &zh_hant::WORDS),
];

/// A language of the down page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Language(usize);

impl Language {
    /// The number of languages.
    pub const COUNT: usize = LANGUAGES.len();
    /// English.
    pub const ENGLISH: Self = Self(0);

    /// Returns all languages.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        (0..Self::COUNT).map(Self)
    }

    /// Returns the language with this tag, in any case.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::all().find(|language| language.tag().eq_ignore_ascii_case(tag))
    }

    /// Returns the tag (BCP 47): `de`, `pt-BR`, `zh-Hans`.
    pub fn tag(self) -> &'static str {
        self.entry().0
    }

    /// Returns the words.
    pub fn words(self) -> &'static Words {
        self.entry().1
    }

    /// Returns the number of the language, less than [`Language::COUNT`].
    pub fn index(self) -> usize {
        self.0
    }

    fn entry(self) -> (&'static str, &'static Words) {
        LANGUAGES.get(self.0).copied().unwrap_or(LANGUAGES[0])
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn fields(words: &Words) -> serde_json::Map<String, serde_json::Value> {
        serde_json::to_value(words).unwrap().as_object().unwrap().clone()
    }

    #[test]
    fn tags_are_sorted_and_found_in_any_case() {
        assert_eq!(Language::ENGLISH.tag(), "en");
        assert!(LANGUAGES[1..].is_sorted_by_key(|(tag, _)| *tag));
        for language in Language::all() {
            assert_eq!(Language::from_tag(&language.tag().to_ascii_uppercase()), Some(language));
        }
        assert_eq!(Language::from_tag("tlh"), None);
    }

    #[test]
    fn each_language_has_words_of_its_own() {
        let english = fields(Language::ENGLISH.words());
        for language in Language::all() {
            for (key, text) in fields(language.words()) {
                let (text, place) = (text.as_str().unwrap(), format!("{language:?}: {key}"));
                assert!(!text.is_empty() && text.trim() == text, "{place}");
                let is_name = matches!(key.as_str(), "name" | "dir");
                assert!(
                    is_name || language == Language::ENGLISH || english[&key] != text,
                    "{place} is English"
                );
                assert_eq!(
                    text.matches("{time}").count(),
                    usize::from(key == "expected_back_text"),
                    "{place}"
                );
                assert!(!text.contains('<') && !text.contains('&'), "{place} has markup");
            }
            let Words { dir, expected_back_text, .. } = language.words();
            assert!(["ltr", "rtl"].contains(dir), "{language:?}");
            // Without an isolate, the parts of a time are shown in reverse in a text from right to left.
            assert_eq!(expected_back_text.contains("\u{2066}{time}\u{2069}"), *dir == "rtl", "{language:?}");
        }
        let names: HashSet<_> = Language::all().map(|language| language.words().name).collect();
        assert_eq!(names.len(), Language::COUNT);
    }
}
