//! Colours on the down page: contrast by WCAG 2.2, and the nearest colour that has enough of it.

use std::fmt;
use std::str::FromStr;

use color::{Oklab, OpaqueColor, Rgba8, Srgb, parse_color};

use crate::invalid_value::InvalidValue;

/// The lowest contrast of readable text (WCAG 2.2, success criterion 1.4.3, level AA).
pub const MIN_CONTRAST: f32 = 4.5;
/// The number of mixtures that are tried between a colour and black or white.
const STEPS: u8 = 200;

/// An opaque colour of sRGB with 8 bits per channel. It prints as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// A colour scheme of the page, as in `prefers-color-scheme`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourScheme {
    /// Dark text on light backgrounds.
    Light,
    /// Light text on dark backgrounds.
    Dark,
}

impl ColourScheme {
    /// The backgrounds of the built-in page. Its stylesheet has the same.
    const fn backgrounds(self) -> [Colour; 2] {
        match self {
            Self::Light => [Colour([0xf4, 0xf6, 0xfb]), Colour([0xff, 0xff, 0xff])],
            Self::Dark => [Colour([0x0e, 0x12, 0x1b]), Colour([0x17, 0x1d, 0x2b])],
        }
    }

    /// The colour with the most contrast to the backgrounds.
    const fn extreme(self) -> OpaqueColor<Oklab> {
        match self {
            Self::Light => OpaqueColor::BLACK,
            Self::Dark => OpaqueColor::WHITE,
        }
    }
}

impl Colour {
    /// Returns the contrast ratio to the background of the scheme on which it is lowest: 1 to 21.
    pub fn contrast_in(self, scheme: ColourScheme) -> f32 {
        scheme.backgrounds().map(|background| self.contrast_to(background)).into_iter().fold(21.0, f32::min)
    }

    /// Returns the colour itself if its contrast is at least [`MIN_CONTRAST`] in the scheme. If not, returns the first
    /// mixture with black or white of which this is true. The colours are mixed in Oklab, so the hue stays.
    #[must_use]
    pub fn legible_in(self, scheme: ColourScheme) -> Self {
        let (own, extreme) = (self.opaque().convert::<Oklab>(), scheme.extreme());
        let mixture = |step| match step {
            0 => self,
            _ => Self::from(own.lerp_rect(extreme, f32::from(step) / f32::from(STEPS))),
        };
        let legible = (0..=STEPS).map(mixture).find(|mixture| mixture.contrast_in(scheme) >= MIN_CONTRAST);
        legible.unwrap_or(extreme.into())
    }

    /// Returns the contrast ratio of two colours (WCAG 2.2).
    fn contrast_to(self, other: Self) -> f32 {
        let [one, two] = [self, other].map(|colour| colour.opaque().relative_luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    fn opaque(self) -> OpaqueColor<Srgb> {
        let [red, green, blue] = self.0;
        OpaqueColor::from_rgb8(red, green, blue)
    }
}

impl From<OpaqueColor<Oklab>> for Colour {
    fn from(colour: OpaqueColor<Oklab>) -> Self {
        let Rgba8 { r, g, b, .. } = colour.to_rgba8();
        Self([r, g, b])
    }
}

impl FromStr for Colour {
    type Err = InvalidValue;

    /// Parses `#rgb` or `#rrggbb`, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        from_hex(text).ok_or_else(|| {
            let help = match nearest_form(text) {
                Some(colour) => format!("write `{colour}`"),
                None => "write a colour as `#rgb` or `#rrggbb`, such as `#0a7`".to_owned(),
            };
            InvalidValue::new(format!("invalid colour `{text}`"), help)
        })
    }
}

/// Parses `#rgb` or `#rrggbb`.
fn from_hex(text: &str) -> Option<Colour> {
    let digits = text.strip_prefix('#').filter(|digits| matches!(digits.len(), 3 | 6))?;
    let value = digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(digits)?;
    let number = u32::from_str_radix(value, 16).ok()?;
    let [_, red, green, blue] = number.to_be_bytes();
    if digits.len() == 6 {
        return Some(Colour([red, green, blue]));
    }
    Some(Colour([green & 0xf, blue >> 4, blue & 0xf].map(|digit| digit * 0x11)))
}

/// Returns the colour that a text means which is not written as it should be: a CSS colour, or digits without `#`.
fn nearest_form(text: &str) -> Option<Colour> {
    let text = text.trim();
    let parsed = || parse_color(text).ok().map(|colour| colour.to_alpha_color::<Oklab>().discard_alpha());
    from_hex(text).or_else(|| from_hex(&format!("#{text}"))).or_else(|| parsed().map(Colour::from))
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        text.parse().unwrap()
    }

    #[test]
    fn a_colour_is_parsed_and_printed() {
        for (text, printed) in
            [("#0a7", "#00aa77"), ("#0A7", "#00aa77"), ("#1234EF", "#1234ef"), ("#fff", "#ffffff")]
        {
            assert_eq!(colour(text).to_string(), printed);
        }
    }

    #[test]
    fn any_other_text_is_refused_with_the_colour_that_it_means() {
        for (text, help) in [
            ("0a7", "write `#00aa77`"),
            ("1234ef", "write `#1234ef`"),
            (" #0a7", "write `#00aa77`"),
            ("red", "write `#ff0000`"),
            ("RebeccaPurple", "write `#663399`"),
            ("#0a7f", "write `#00aa77`"),
            ("#11223344", "write `#112233`"),
            ("rgb(0, 170, 119)", "write `#00aa77`"),
            ("hsl(120 100% 50%)", "write `#00ff00`"),
            ("", "write a colour as `#rgb` or `#rrggbb`, such as `#0a7`"),
            ("#", "write a colour as `#rgb` or `#rrggbb`, such as `#0a7`"),
            ("#12345", "write a colour as `#rgb` or `#rrggbb`, such as `#0a7`"),
            ("#+12", "write a colour as `#rgb` or `#rrggbb`, such as `#0a7`"),
            ("#äb", "write a colour as `#rgb` or `#rrggbb`, such as `#0a7`"),
            ("brand", "write a colour as `#rgb` or `#rrggbb`, such as `#0a7`"),
        ] {
            let error = Colour::from_str(text).expect_err(text);
            assert_eq!(error.help, help, "{text}");
            assert_eq!(error.message, format!("invalid colour `{text}`"));
        }
    }

    #[test]
    fn the_contrast_is_that_of_wcag() {
        // From https://webaim.org/resources/contrastchecker/.
        for (one, other, contrast) in [
            ("#000000", "#ffffff", 21.0),
            ("#ffffff", "#ffffff", 1.0),
            ("#777777", "#ffffff", 4.48),
            ("#767676", "#ffffff", 4.54),
            ("#0000ff", "#ffffff", 8.59),
            ("#ff0000", "#000000", 5.25),
        ] {
            let found = colour(one).contrast_to(colour(other));
            assert!((found - contrast).abs() < 0.005, "{one} {other}: {found}");
            assert!((colour(other).contrast_to(colour(one)) - found).abs() < f32::EPSILON);
        }
    }

    #[test]
    fn a_colour_with_enough_contrast_stays() {
        for (text, scheme) in [
            ("#3d5bd9", ColourScheme::Light),
            ("#000000", ColourScheme::Light),
            ("#93a9ff", ColourScheme::Dark),
            ("#ffffff", ColourScheme::Dark),
        ] {
            assert_eq!(colour(text).legible_in(scheme), colour(text), "{text}");
        }
    }

    #[test]
    fn every_colour_becomes_legible_in_both_schemes_and_no_paler_than_needed() {
        let levels = || (0..=255).step_by(51);
        let colours = levels()
            .flat_map(|red| levels().flat_map(move |green| levels().map(move |blue| [red, green, blue])));
        for colour in colours.map(Colour) {
            for scheme in [ColourScheme::Light, ColourScheme::Dark] {
                let legible = colour.legible_in(scheme);
                let contrast = legible.contrast_in(scheme);
                assert!(contrast >= MIN_CONTRAST, "{colour} in {scheme:?} is {legible}");
                assert!(
                    legible == colour || contrast < MIN_CONTRAST + 0.2,
                    "{colour}: {legible} has {contrast}"
                );
            }
        }
    }

    #[test]
    fn an_adjusted_colour_keeps_its_hue() {
        let adjusted =
            ["#00aa77", "#ffcc00", "#3d5bd9", "#ff0000", "#777777", "#000000", "#ffffff"].map(|text| {
                [ColourScheme::Light, ColourScheme::Dark]
                    .map(|scheme| colour(text).legible_in(scheme).to_string())
            });
        let expected = [
            ["#008059", "#00aa77"],
            ["#8a6e00", "#ffcc00"],
            ["#3d5bd9", "#607fe4"],
            ["#e40000", "#ff2c20"],
            ["#717171", "#848484"],
            ["#000000", "#848484"],
            ["#717171", "#ffffff"],
        ];
        assert_eq!(adjusted, expected);
    }
}
