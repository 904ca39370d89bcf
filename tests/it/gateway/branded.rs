//! `[page]` and messages by language, in the responses of a running gateway.

use super::DOWN;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::until;

const TEMPLATE: &str = "{{ lang }}|{{ title }}|{{ message }}|{{ logo }}|{% if accent %}{{ accent.light }}|{{ accent.dark }}{% endif %}|{{ contact }}";
const PAGE: &str = "[page]\nlang = \"de\"\ntitle = \"Laden\"\nlogo = \"logo.gif\"\naccent = \"#0a7\"\ncontact = \"tel:112\"\n";
const RESPONSE: &str = "[response]\ntemplate = \"page.html\"\nmessage = { de = \"Bald\", en = \"Soon\" }\n";

fn start() -> GatewayProcess {
    let directory = ConfigDirectory::with("");
    directory.write("page.html", TEMPLATE);
    directory.write("logo.gif", "GIF89a");
    let gateway = GatewayProcess::on(directory);
    gateway.apply(&format!("{RESPONSE}{PAGE}{DOWN}"));
    gateway
}

#[test]
fn a_template_gets_the_keys_of_the_page_and_the_message_in_the_visitors_language() {
    let gateway = start();
    for (languages, lang, message) in
        [("fr, en;q=0.5", "en", "Soon"), ("de-AT", "de", "Bald"), ("fr", "de", "Bald"), ("", "de", "Bald")]
    {
        let response = gateway.get("/", &["Accept: text/html", &format!("Accept-Language: {languages}")]);
        let expected =
            format!("{lang}|Laden|{message}|data:image/gif;base64,R0lGODlh|#008059|#00aa77|tel:112");
        assert_eq!(response.text().replace("&#x2f;", "/"), expected, "{languages}");
        assert_eq!(response.field("content-language"), Some(lang), "{languages}");
    }
}

#[test]
fn an_icon_is_the_logo_and_follows_its_file() {
    let gateway = start();
    let icon = || gateway.get("/favicon.ico", &["Accept: image/*"]);
    let first = icon();
    assert_eq!((first.status, first.field("content-type"), first.text()), (200, Some("image/gif"), "GIF89a"));
    gateway.directory.write("logo.gif", "GIF87a");
    until("new logo", || (icon().text() == "GIF87a").then_some(()));
    gateway.directory.write("logo.gif", "not an image");
    gateway.log().wait_for("is not an image in a known format");
    assert_eq!(icon().text(), "GIF87a", "the last good file stays");
}
