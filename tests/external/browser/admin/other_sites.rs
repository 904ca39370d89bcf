//! What pages of other sites can do with the browser of an operator who is logged in: nothing.

use libtest_mimic::Trial;
use serde_json::json;

use super::{BUSY, click, file, log_in, start, start_with_token, url};
use crate::browser::devtools::Tab;
use crate::browser::in_browser;
use crate::support::process::{ConfigDirectory, GatewayProcess};

pub(super) fn trials() -> Vec<Trial> {
    // The console may complain: the browser reports what it has blocked.
    let trial = |name: &str, test: fn(&mut Tab<'_>)| {
        Trial::ignorable_test(format!("browser::{name}"), move || in_browser("en", test))
    };
    vec![
        trial("what_pages_of_other_sites_send_to_the_admin_page_changes_nothing", foreign_requests),
        trial("no_page_of_another_site_shows_the_admin_page_in_a_frame", foreign_frame),
        trial("a_name_that_leads_to_the_admin_page_by_dns_rebinding_gets_421", dns_rebinding),
    ]
}

/// Serves a page of another site.
fn attacker(html: &str) -> GatewayProcess {
    let directory = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir(directory.join("public")).expect("a directory");
    directory.write("public/index.html", html);
    GatewayProcess::on(directory)
}

/// By a form and by a script; from another site, and from another port of the same one, which gets the cookie.
fn foreign_requests(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, BUSY);
    log_in(tab, &gateway, &admin);
    let before = file(&gateway);
    let target = url(admin.address, "/periods/upgrade/delete");
    let attacker = attacker(&format!("<form method=post action='{target}'><button>Win</button></form>"));
    for host in ["evil.example", "127.0.0.1"] {
        let page = format!("http://{host}:{}/", attacker.address.port());
        tab.open(&page);
        click(tab, "button");
        assert!(tab.text().contains("another site"), "{host}: {}", tab.text());
        tab.open(&page);
        let send = format!(
            "fetch('{target}', {{ method: 'POST', mode: 'no-cors', credentials: 'include', body: new URLSearchParams('a=b') }})
                .then(() => fetch('{target}', {{ credentials: 'include' }})).then(() => 'read', () => 'not read')"
        );
        assert_eq!(tab.evaluate(&send), "not read", "{host}");
    }
    assert_eq!(file(&gateway), before);
    tab.open(&target);
    click(tab, "button.primary");
    assert_ne!(file(&gateway), before, "the operator's own click deletes the period");
}

fn foreign_frame(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, BUSY);
    log_in(tab, &gateway, &admin);
    for path in ["/", "/login", "/link", "/preview?period=upgrade"] {
        let attacker = attacker(&format!("<iframe src='{}'></iframe>", url(admin.address, path)));
        for host in ["evil.example", "127.0.0.1"] {
            tab.complaints();
            tab.open(&format!("http://{host}:{}/", attacker.address.port()));
            let complaints = tab.complaints().join("\n");
            assert!(complaints.contains("frame-ancestors"), "{path} in {host}: {complaints}");
        }
    }
}

/// The browser resolves names below `.example` to this machine.
fn dns_rebinding(tab: &mut Tab<'_>) {
    let (gateway, admin) = start_with_token(tab, BUSY);
    let before = file(&gateway);
    tab.call("Page.setBypassCSP", &json!({ "enabled": true }));
    tab.open(&format!("http://rebound.example:{}/", admin.address.port()));
    assert!(tab.text().contains("host not accepted"), "{}", tab.text());
    for request in ["'/'", "'/periods/upgrade/delete', { method: 'POST', body: new URLSearchParams('a=b') }"]
    {
        let status = tab.evaluate(&format!("fetch({request}).then(response => response.status)"));
        assert_eq!(status, 421, "{request}");
    }
    assert_eq!(file(&gateway), before);
}
