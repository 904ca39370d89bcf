//! The script that brings visitors back to the site.

use std::fmt::Write;

use minijinja::HtmlEscape;

use super::Answers;

const SCRIPT: &str = include_str!("../../templates/return.js");

/// Returns the script element for a page. `back` is the title of the tab once the site is back. The attributes differ from page
/// to page; the content, which the policy allows by hash, does not.
pub(super) fn element(status_path: Option<&str>, answers: Answers, back: &str) -> String {
    let mut element = "<script".to_owned();
    if let Some(path) = status_path {
        let _ = write!(element, " data-status=\"{}\"", HtmlEscape(path));
    }
    let method = if answers == Answers::Safe { "GET" } else { "POST" };
    let (answers, back) = (answers.as_str(), HtmlEscape(back));
    let _ = write!(
        element,
        " data-method=\"{method}\" data-answers=\"{answers}\" data-back=\"{back}\">{SCRIPT}</script>"
    );
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_attributes_depend_on_the_page() {
        for (path, answers, start) in [
            (
                Some("/a\"&<b"),
                Answers::Safe,
                "<script data-status=\"&#x2f;a&quot;&amp;&lt;b\" data-method=\"GET\" data-answers=\"safe\" data-back=\"Back\">",
            ),
            (
                Some("/s"),
                Answers::NotSaved,
                "<script data-status=\"&#x2f;s\" data-method=\"POST\" data-answers=\"not-saved\" data-back=\"Back\">",
            ),
            (
                None,
                Answers::Unknown,
                "<script data-method=\"POST\" data-answers=\"unknown\" data-back=\"Back\">",
            ),
        ] {
            let element = element(path, answers, "Back");
            assert_eq!(element, format!("{start}{SCRIPT}</script>"));
        }
        assert!(!SCRIPT.contains("</script") && !SCRIPT.contains("<!--"));
    }
}
