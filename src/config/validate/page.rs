//! Validates `[page]`.

use std::path::Path;
use std::sync::Arc;

use toml::Spanned;

use super::message::language;
use crate::config::PageConfig;
use crate::config::document::{Field, PageSection};
use crate::config::read_file::ReadFile;
use crate::config::report::Report;
use crate::page::brand::{Accent, Brand, Logo};
use crate::page::colour::{Colour, ColourScheme};
use crate::page::contact;
use crate::page::image::media_type;

/// The longest title, in characters.
const MAX_TITLE: usize = 100;
/// The largest logo, in bytes. It is part of each page.
const MAX_LOGO: usize = 64 << 10;

pub(super) fn validate(
    section: &PageSection,
    directory: &Path,
    read: ReadFile<'_>,
    report: &Report,
) -> PageConfig {
    let lang = section.lang.as_ref().and_then(|tag| language(tag, report));
    PageConfig {
        lang: lang.unwrap_or_default(),
        brand: Arc::new(Brand {
            title: section.title.as_ref().and_then(|title| self::title(title, report)),
            logo: section.logo.as_ref().and_then(|name| logo(name, directory, read, report)),
            accent: accent(&section.accent, report),
            contact: parse(&section.contact, contact::parse, report),
        }),
    }
}

fn title(field: &Spanned<String>, report: &Report) -> Option<Arc<str>> {
    let text = field.get_ref().as_str();
    let (message, help) = if text.trim().is_empty() {
        ("the title is empty".to_owned(), "write the name of the site, or remove the line")
    } else if text.chars().any(char::is_control) {
        let message = "invalid title: it has more than one line, or a control character";
        (message.to_owned(), "write the name of the site on one line")
    } else if text.chars().count() > MAX_TITLE {
        let message =
            format!("the title has {} characters: at most {MAX_TITLE} are allowed", text.chars().count());
        (message, "write the name of the site; a longer text belongs in `message`")
    } else {
        return Some(text.trim().into());
    };
    report.error(field.span(), message, help);
    None
}

/// Reads the logo. A suggestion that is only tried needs no file.
fn logo(name: &Spanned<String>, directory: &Path, read: ReadFile<'_>, report: &Report) -> Option<Logo> {
    if report.is_trial() {
        return None;
    }
    let path = directory.join(name.get_ref());
    let refuse = |message: String, help: &str| {
        report.error(name.span(), message, help);
        None
    };
    let bytes = match read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let help = error.help(&path, "write the path of an image, relative to the configuration file");
            return refuse(format!("the logo {}", error.message), &help);
        }
    };
    let place = path.display();
    if bytes.len() > MAX_LOGO {
        let message = format!("the logo {place} has {} bytes: at most {MAX_LOGO} are allowed", bytes.len());
        return refuse(message, "make it smaller: it is part of each page, so a few KiB are best");
    }
    match media_type(&bytes) {
        Ok(media_type) => Some(Logo { media_type, bytes: bytes.into() }),
        Err(unusable) => refuse(format!("the logo {place} {unusable}"), unusable.help()),
    }
}

fn accent(field: &Field<String>, report: &Report) -> Option<Accent> {
    let colour = parse(field, str::parse::<Colour>, report)?;
    let [light, dark] =
        [ColourScheme::Light, ColourScheme::Dark].map(|scheme| colour.legible_in(scheme).to_string());
    Some(Accent { light, dark })
}

fn parse<T>(
    field: &Field<String>,
    parse: impl FnOnce(&str) -> Result<T, crate::invalid_value::InvalidValue>,
    report: &Report,
) -> Option<T> {
    let field = field.as_ref()?;
    report.valid(field.span(), parse(field.get_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ParsedConfig};

    const SVG: &str = "<svg xmlns='http://www.w3.org/2000/svg'/>";

    fn read(text: &str) -> ParsedConfig {
        let file = |path: &Path| match path.to_str().unwrap_or_default() {
            "/etc/logo.svg" => Ok(SVG.into()),
            "/etc/largest.gif" => Ok([b"GIF89a".to_vec(), vec![0; MAX_LOGO - 6]].concat()),
            "/etc/too_large.gif" => Ok([b"GIF89a".to_vec(), vec![0; MAX_LOGO - 5]].concat()),
            "/etc/page.html" => Ok(b"<html>".to_vec()),
            other => Err(format!("{other} does not exist").into()),
        };
        Config::parse("downtime.toml", &format!("[page]\n{text}\n"), Path::new("/etc"), &file)
    }

    fn page(text: &str) -> PageConfig {
        let reading = read(text);
        reading.config.unwrap_or_else(|| panic!("{text}: {:?}", reading.diagnostics)).page
    }

    #[test]
    fn a_page_without_keys_is_plain_and_in_english() {
        let page = page("");
        assert_eq!(page.lang.tag(), "en");
        let Brand { title, logo, accent, contact } = &*page.brand;
        assert!(title.is_none() && logo.is_none() && accent.is_none() && contact.is_none());
    }

    #[test]
    fn each_key_sets_a_part_of_the_page() {
        assert_eq!(page("lang = 'pt-BR'").lang.tag(), "pt-BR");
        assert_eq!(page("title = ' Example Shop '").brand.title.as_deref(), Some("Example Shop"));
        assert!(page(&format!("title = '{}'", "ä".repeat(MAX_TITLE))).brand.title.is_some());
        assert_eq!(page("contact = 'tel:+4930123'").brand.contact.as_deref(), Some("tel:+4930123"));
        let logo = page("logo = 'logo.svg'").brand.logo.clone().unwrap();
        assert_eq!((logo.media_type, &*logo.bytes), ("image/svg+xml", SVG.as_bytes()));
        assert_eq!(page("logo = 'largest.gif'").brand.logo.clone().unwrap().bytes.len(), MAX_LOGO);
        let accent = page("accent = '#0A7'").brand.accent.clone().unwrap();
        assert_eq!((accent.light.as_str(), accent.dark.as_str()), ("#008059", "#00aa77"));
    }

    #[test]
    fn an_invalid_value_gets_a_remedy() {
        let long = format!("title = '{}'", "ä".repeat(MAX_TITLE + 1));
        for (line, message, help) in [
            ("lang = 'De'", "unknown language `De`", "write `de`"),
            ("title = ''", "the title is empty", "write the name of the site, or remove the line"),
            (
                "title = \"a\\nb\"",
                "invalid title: it has more than one line, or a control character",
                "write the name of the site on one line",
            ),
            (
                &long,
                "the title has 101 characters: at most 100 are allowed",
                "write the name of the site; a longer text belongs in `message`",
            ),
            (
                "logo = 'none.png'",
                "the logo /etc/none.png does not exist",
                "write the path of an image, relative to the configuration file",
            ),
            (
                "logo = 'too_large.gif'",
                "the logo /etc/too_large.gif has 65537 bytes: at most 65536 are allowed",
                "make it smaller: it is part of each page, so a few KiB are best",
            ),
            (
                "logo = 'page.html'",
                "the logo /etc/page.html is not an image in a known format",
                "convert it to SVG, PNG, JPEG, WebP, GIF or AVIF",
            ),
            ("accent = 'red'", "invalid colour `red`", "write `#ff0000`"),
            (
                "accent = 0",
                "invalid colour `0`",
                "write a colour as `#rgb` or `#rrggbb`, such as `#0a7` (in quotes)",
            ),
            (
                "contact = 'status.example.com'",
                "invalid contact `status.example.com`",
                "write `https://status.example.com`",
            ),
            ("color = '#0a7'", "unknown key `color` in [page]", "did you mean `accent`?"),
        ] {
            let found = read(line).diagnostics;
            let found: Vec<_> = found
                .iter()
                .map(|error| (error.message.as_str(), error.help.as_deref().unwrap_or("")))
                .collect();
            assert_eq!(found, [(message, help)], "{line}");
        }
    }
}
