//! Warns of an accent colour that is too light for the page's light backgrounds, and so is shown as another one.

use super::LintInput;
use crate::page::colour::{Colour, ColourScheme, MIN_CONTRAST};

/// No colour has enough contrast in both schemes, so a warning of the dark one could not be followed.
pub(super) fn lint(input: &LintInput<'_>) {
    let Some(field) = &input.document.page.accent else { return };
    let Ok(colour) = field.get_ref().parse::<Colour>() else { return };
    let shown = colour.legible_in(ColourScheme::Light);
    if shown == colour {
        return;
    }
    let [low, enough] = [colour, shown].map(|colour| colour.contrast_in(ColourScheme::Light));
    let message = format!(
        "`{colour}` is hard to read on a light background (contrast {low:.2}:1): visitors see `{shown}` instead ({enough:.2}:1)"
    );
    let help = format!("write `{shown}` or a darker colour; WCAG 2.2 requires {MIN_CONTRAST}:1");
    input.warn(field.span(), message, help);
}
