//! People with disabilities can use the page: axe-core finds nothing in it.
//!
//! axe-core comes from npm, once per target directory. Without npm the tests are ignored; under CI they fail.

use libtest_mimic::{Completion, Failed, Trial};
use serde_json::json;

use super::devtools::Tab;
use super::site::Site;
use super::{down, entering, in_browser};
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::{debian, npm};

const AXE_VERSION: &str = "4.14.1";

/// A period with a message in the languages of the tests: long, with paragraphs and links.
const PERIOD: &str = r#"[[period]]
start = 2020-01-01T00:00:00Z
end = 2100-01-01T00:00:00Z
[period.message]
en = """We are moving to a faster database, and while we do, nobody can place orders.

Orders that you placed before 10 pm are safe. Vouchers that end tonight stay valid until Sunday. Follow the progress at
https://status.example.com/incidents/a-very-long-path-that-has-to-wrap-somewhere-on-a-narrow-screen."""
de = """Wir ziehen auf eine schnellere Datenbank um. Bestellungen sind währenddessen nicht möglich.

Was Sie vor 22 Uhr bestellt haben, liefern wir wie geplant. Näheres: https://status.example.com/."""
ar = """ننقل المتجر إلى قاعدة بيانات أسرع، ولا يمكن تقديم الطلبات أثناء ذلك.

الطلبات المقدمة قبل الساعة العاشرة مساءً محفوظة. تابعوا التقدم على https://status.example.com/."""
ja = """データベースを移行しています。作業中はご注文いただけません。

22時までのご注文は予定どおりお届けします。詳細は https://status.example.com/ をご覧ください。"""
"#;
const PAGE: &str =
    "[page]\ntitle = \"Example Shop\"\naccent = \"#0a7\"\ncontact = \"https://status.example.com/\"\n";

pub(super) fn trials() -> Vec<Trial> {
    let trial = |name: &str, test: fn(&mut Checker<'_, '_>)| {
        Trial::ignorable_test(format!("browser::axe_finds_nothing_in_{name}"), move || with_axe(test))
    };
    vec![
        trial("the_page", the_page),
        trial("the_page_while_the_site_does_not_respond", the_page_while_the_site_does_not_respond),
        trial("the_answer_to_what_was_sent", the_answer_to_what_was_sent),
        trial("the_example_templates", the_example_templates),
        trial("the_page_at_which_testers_enter", the_page_at_which_testers_enter),
        trial("the_welcome_page", |checker| {
            let gateway = GatewayProcess::start("");
            checker.check(&gateway.url("/"), "welcome");
        }),
    ]
}

pub(super) fn with_axe(test: fn(&mut Checker<'_, '_>)) -> Result<Completion, Failed> {
    let mut result = Ok(Completion::Completed);
    let needed = [("npm", "npm"), ("chromium", "chromium")];
    let ran = debian::with(&needed, || {
        result = match axe() {
            Ok(script) => in_browser("en", |tab| {
                // axe-core waits by timers.
                tab.release_clock();
                test(&mut Checker { tab, script });
            }),
            Err(reason) => debian::ignore(reason),
        };
        Ok(())
    })?;
    if matches!(ran, Completion::Completed) { result } else { Ok(ran) }
}

/// Returns the script of axe-core.
fn axe() -> Result<String, String> {
    let path = npm::package("axe-core", AXE_VERSION)?.join("axe.min.js");
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

pub(super) struct Checker<'a, 'b> {
    pub(super) tab: &'a mut Tab<'b>,
    script: String,
}

impl Checker<'_, '_> {
    /// Checks a page in the languages of the tests, and in both schemes of each.
    fn check_languages(&mut self, url: &str) {
        for (language, dir) in [("en", "ltr"), ("de", "ltr"), ("ar", "rtl"), ("ja", "ltr")] {
            self.tab.prefer(language);
            self.check(url, language);
            let found = self.tab.evaluate("[document.documentElement.lang, document.documentElement.dir]");
            assert_eq!(found, json!([language, dir]), "{url}");
        }
    }

    pub(super) fn check(&mut self, url: &str, what: &str) {
        self.check_schemes(what, |tab| tab.open(url));
    }

    /// Checks what `open` opens, in both schemes.
    pub(super) fn check_schemes(&mut self, what: &str, open: impl Fn(&mut Tab<'_>)) {
        for scheme in ["light", "dark"] {
            let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
            self.tab.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
            open(self.tab);
            self.check_opened(&format!("{what}, {scheme}"));
        }
    }

    pub(super) fn check_opened(&mut self, what: &str) {
        self.tab.evaluate(&format!("{};0", self.script));
        let found =
            self.tab.evaluate("axe.run().then(({ violations, passes }) => [violations, passes.length])");
        assert_eq!(found[0], json!([]), "{what}: {:#}", found[0]);
        assert!(found[1].as_u64() > Some(10), "{what}: {found}");
    }
}

fn the_page(checker: &mut Checker<'_, '_>) {
    let gateway = GatewayProcess::start(&format!("{PAGE}{PERIOD}"));
    checker.check_languages(&gateway.url("/"));
}

fn the_page_while_the_site_does_not_respond(checker: &mut Checker<'_, '_>) {
    let site = Site::silent();
    let gateway = GatewayProcess::start(&site.section());
    checker.check_languages(&gateway.url("/"));
}

/// Also once the site is back.
fn the_answer_to_what_was_sent(checker: &mut Checker<'_, '_>) {
    let site = Site::start();
    let gateway = GatewayProcess::start(&(site.section() + &down("methods = [\"POST\"]")));
    checker.tab.open(&gateway.url("/form"));
    checker.tab.leave_by("document.querySelector('button').click()");
    checker.check_opened("while down");
    checker.tab.evaluate("document.dispatchEvent(new CustomEvent('downtime-back'))");
    checker.check_opened("once back");
}

/// Also once it has refused a secret.
fn the_page_at_which_testers_enter(checker: &mut Checker<'_, '_>) {
    let site = Site::start();
    let gateway = entering::gateway(&site);
    checker.check(&gateway.url("/.downtime/enter"), "asking");
    checker.check_schemes("refusing", |tab| {
        tab.follow(&gateway.url("/.downtime/enter#wrong"), entering::IS_REFUSED);
    });
}

fn the_example_templates(checker: &mut Checker<'_, '_>) {
    for name in ["minimal", "terminal"] {
        let directory =
            ConfigDirectory::with(&format!("{PAGE}[response]\ntemplate = \"page.html\"\n{PERIOD}"));
        let source = format!("{}/templates/{name}.html", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(source, directory.join("page.html")).expect("copied");
        let gateway = GatewayProcess::on(directory);
        checker.check_languages(&gateway.url("/"));
    }
}
