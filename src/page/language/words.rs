//! The words of the down page in one language.

use serde::Serialize;

/// The words of the page in one language. All of them, so that no page mixes languages.
///
/// Headings and labels end without a full stop. Times and plurals are missing on purpose: the browser renders those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    /// The name of the language, in itself.
    pub name: &'static str,
    /// The direction of the script, as in HTML: `ltr` or `rtl`.
    pub dir: &'static str,
    /// The heading while a period is active that was planned.
    pub heading_planned: &'static str,
    /// The heading while a period is active that was not.
    pub heading_unscheduled: &'static str,
    /// The heading while the upstream does not respond.
    pub heading_unreachable: &'static str,
    /// [`Words::heading_planned`] as a sentence.
    pub sentence_planned: &'static str,
    /// [`Words::heading_unscheduled`] as a sentence.
    pub sentence_unscheduled: &'static str,
    /// [`Words::heading_unreachable`] as a sentence.
    pub sentence_unreachable: &'static str,
    /// The label of the time of the end.
    pub expected_back: &'static str,
    /// The time of the end in plain text, with `{time}` in its place.
    pub expected_back_text: &'static str,
    /// The label of the countdown.
    pub time_left: &'static str,
    /// The name of the progress bar, for screen readers.
    pub progress: &'static str,
    /// Says that the end is not known.
    pub end_unknown: &'static str,
    /// Says that the announced end has passed.
    pub overdue: &'static str,
    /// Says that the page will open the site.
    pub returns: &'static str,
    /// Says that the page reloads, for browsers without scripts.
    pub reloads: &'static str,
    /// A link to the requested page.
    pub try_now: &'static str,
    /// Says that the site did not get what the visitor sent.
    pub not_saved: &'static str,
    /// Says that the site may have got it.
    pub not_known: &'static str,
    /// Says that the page will tell when the site is back.
    pub announces: &'static str,
    /// A button that goes back to the form.
    pub go_back: &'static str,
    /// Announces that the site is back.
    pub is_back: &'static str,
    /// A link to the site once it is back.
    pub open_site: &'static str,
    /// A link to `[page] contact`.
    pub contact: &'static str,
}
