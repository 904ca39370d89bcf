//! Somebody else saves while an operator fills in a form.

use std::process::Command;

use libtest_mimic::Trial;

use super::{BUSY, click, file, fill, log_in, start, url};
use crate::browser::devtools::Tab;
use crate::browser::{in_browser, trial};
use crate::debian;
use crate::support::process::downtime;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("what_an_operator_typed_survives_the_save_of_somebody_else", survives_another_save),
        trial("what_an_operator_typed_survives_an_invalid_file", survives_an_invalid_file),
        trial("of_two_tabs_that_save_the_second_one_sees_what_the_first_one_changed", two_tabs),
        Trial::ignorable_test("browser::a_save_of_vim_while_a_form_is_open_is_noticed", || {
            debian::with(&[("vim", "vim")], || in_browser("en", save_of_vim).map(drop))
        }),
    ]
}

fn survives_another_save(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, BUSY);
    log_in(tab, &gateway, &admin);
    tab.open(&url(admin.address, "/periods/upgrade"));
    fill(tab, &[("message", "Typed with care."), ("hosts", "shop.example.com")]);
    let mut command = downtime(&gateway.directory);
    let other = ["start", "--name", "other", "--at", "2999-01-01T00:00:00Z"];
    assert!(command.args(other).status().expect("run").success());
    click(tab, "button[value=save]");
    assert!(tab.text().contains("\"other\" was added"), "{}", tab.text());
    click(tab, "button[value=save]");
    assert!(tab.text().contains("Changed \"upgrade\": hosts, message"), "{}", tab.text());
    let text = file(&gateway);
    assert!(
        text.contains("Typed with care.") && text.contains("\"other\"") && text.contains("Bald zurück."),
        "{text}"
    );
}

fn survives_an_invalid_file(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, BUSY);
    log_in(tab, &gateway, &admin);
    tab.open(&url(admin.address, "/periods/upgrade"));
    fill(tab, &[("message", "Typed with care.")]);
    let valid = file(&gateway);
    gateway.edit(&valid.replace("[[period]]", "[[period"));
    click(tab, "button[value=save]");
    assert!(tab.text().contains("What you sent is not lost: reload this page"), "{}", tab.text());
    gateway.edit(&valid);
    tab.leave_by("location.reload()");
    assert!(tab.text().contains("Changed \"upgrade\": message"), "{}", tab.text());
    assert!(file(&gateway).contains("Typed with care."), "{}", file(&gateway));
}

fn two_tabs(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, BUSY);
    log_in(tab, &gateway, &admin);
    let form = url(admin.address, "/periods/upgrade");
    tab.open(&form);
    fill(tab, &[("message", "Of the first tab."), ("hosts", "shop.example.com")]);
    {
        let mut second = tab.open_beside(&form);
        fill(&mut second, &[("message", "Of the second tab."), ("paths", "/cart/**")]);
        click(&mut second, "button[value=save]");
        assert!(second.text().contains("Changed \"upgrade\": paths, message"), "{}", second.text());
    }
    let saved = file(&gateway);
    click(tab, "button[value=save]");
    let text = tab.text();
    assert!(text.contains("Of the second tab.") && text.contains("/cart/**"), "{text}");
    assert_eq!(file(&gateway), saved, "nothing is saved unseen");
    let typed = "['message', 'hosts'].map(id => document.getElementById(id).value).join()";
    assert_eq!(tab.evaluate(typed), "Of the first tab.,shop.example.com");
    click(tab, "button[value=save]");
    assert!(tab.text().contains("Changed \"upgrade\": "), "{}", tab.text());
    let text = file(&gateway);
    assert!(text.contains("Of the first tab.") && text.contains("shop.example.com"), "{text}");
}

fn save_of_vim(tab: &mut Tab<'_>) {
    let (gateway, admin) = start(tab, BUSY);
    log_in(tab, &gateway, &admin);
    tab.open(&url(admin.address, "/periods/upgrade"));
    fill(tab, &[("message", "Typed with care.")]);
    let edit = [
        "-Nu",
        "NONE",
        "-i",
        "NONE",
        "-es",
        "-c",
        "%s/for = \"2h\"/for = \"3h\"/",
        "-c",
        "wq",
        "downtime.toml",
    ];
    let status = Command::new("vim").args(edit).current_dir(gateway.directory.path()).status();
    assert!(status.expect("vim").success());
    click(tab, "button[value=save]");
    assert!(tab.text().contains("\"patching\": `for` is now \"3h\""), "{}", tab.text());
    click(tab, "button[value=save]");
    assert!(tab.text().contains("Changed \"upgrade\": message"), "{}", tab.text());
    let text = file(&gateway);
    assert!(text.contains("Typed with care.") && text.contains("for = \"3h\""), "{text}");
}
