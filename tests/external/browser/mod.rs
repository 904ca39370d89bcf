//! What visitors see and what their browsers do, in a real browser in front of the real gateway: the page and its return
//! script, the example templates, and that people with disabilities can use them. What operators see on the admin page.
//!
//! Without Chromium the tests are ignored; under CI they fail.

mod accessibility;
mod admin;
mod devtools;
mod entering;
mod returning;
mod shown;
mod site;
mod unsafe_methods;

use libtest_mimic::{Completion, Failed, Trial};

use self::devtools::{Browser, Tab};
use crate::debian;
use crate::support::process::GatewayProcess;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = returning::trials();
    trials.extend(shown::trials());
    trials.extend(unsafe_methods::trials());
    trials.extend(entering::trials());
    trials.extend(accessibility::trials());
    trials.extend(admin::trials());
    trials
}

/// A test with a tab of a browser.
fn trial(name: &str, test: fn(&mut Tab<'_>)) -> Trial {
    trial_in("en-GB,en", name, test)
}

/// A test with a tab of a browser that prefers these languages. The test fails if the console complains.
fn trial_in(languages: &'static str, name: &str, test: fn(&mut Tab<'_>)) -> Trial {
    Trial::ignorable_test(format!("browser::{name}"), move || {
        in_browser(languages, |tab| {
            test(tab);
            let complaints = tab.complaints();
            assert!(complaints.is_empty(), "the console says: {complaints:#?}");
        })
    })
}

fn in_browser(languages: &str, test: impl FnOnce(&mut Tab<'_>)) -> Result<Completion, Failed> {
    debian::with(&[("chromium", "chromium")], || {
        let mut browser = Browser::start(languages);
        test(&mut browser.tab());
        Ok(())
    })
}

/// A period that began long ago and has no end, with these further lines.
fn down(lines: &str) -> String {
    format!("[[period]]\nstart = 2020-01-01T00:00:00Z\n{lines}\n")
}

impl GatewayProcess {
    fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }
}
