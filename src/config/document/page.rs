//! `[page]` as it was typed.

use schemars::JsonSchema;

use super::Field;
use crate::config::schema::pattern;
use crate::config::table::Table;
use crate::page::language::Language;

/// The keys of `[page]`.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct PageSection {
    /// The language of messages that are plain strings, and of the page for visitors who accept none of its languages.
    #[schemars(with = "String", extend("enum" = Language::all().map(Language::tag).collect::<Vec<_>>(), "default" = "en"))]
    pub lang: Field<String>,
    /// The name of the site, shown on the page and in the title of its tab: one line of at most 100 characters.
    #[schemars(with = "String", length(max = 100), regex(pattern = pattern::NAME), example = &"Example Shop")]
    pub title: Field<String>,
    /// The logo of the site: a file in SVG, PNG, JPEG, WebP, GIF or AVIF, of at most 64 KiB, relative to this file. It is part
    /// of the page, and the answer to requests for `/favicon.ico` while the site is down.
    #[schemars(with = "String", length(min = 1), example = &"logo.svg")]
    pub logo: Field<String>,
    /// The colour of links and of the progress bar, as `#rgb` or `#rrggbb`. Where its contrast to the background is below
    /// 4.5:1, in the light or the dark scheme, it is mixed with black or white until it is not.
    #[schemars(with = "String", regex(pattern = pattern::COLOUR), example = &"#007a55")]
    pub accent: Field<String>,
    /// Where visitors find more information while the site is down: a URL with `https:`, `http:`, `mailto:` or `tel:`.
    #[schemars(with = "String", regex(pattern = pattern::contact()), example = &"https://status.example.com/")]
    pub contact: Field<String>,
}

impl PageSection {
    pub(super) fn read(table: &mut Table<'_, '_>) -> Self {
        Self {
            lang: table.get("lang", "\"en\""),
            title: table.get("title", "\"Example Shop\""),
            logo: table.get("logo", "\"logo.svg\""),
            accent: table.get("accent", "\"#007a55\""),
            contact: table.get("contact", "\"https://status.example.com/\""),
        }
    }
}
