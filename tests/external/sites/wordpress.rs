//! A site of WordPress from Debian's packages, with a database of its own.

use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use regex::Regex;
use rustix::process::geteuid;

use super::{Browser, Site, assert_redirects, block, hidden};
use crate::debian::{self, RequiredProgram};
use crate::support::DEADLINE;
use crate::support::process::{ConfigDirectory, Process};

pub(super) const PROGRAMS: [RequiredProgram; 3] =
    [("mariadbd", "mariadb-server-core"), ("php", "php-cli"), ("wp-setup", "wordpress")];

/// Pages of the dashboard, whose styles and scripts come from several places.
const PAGES: [&str; 5] = ["edit.php", "options-general.php", "plugins.php", "post-new.php", "upload.php"];

/// Starts WordPress with PHP's own server.
pub(super) fn start() -> Site {
    let directory = ConfigDirectory::with("");
    // The scripts look for their settings beside them, so they are copied, but not what they include, which is most of it.
    let copy = "cp --dereference --recursive /usr/share/wordpress/index.php /usr/share/wordpress/wp-[!i]* .";
    run(Command::new("sh").args(["-c", copy]), &directory);
    symlink("/usr/share/wordpress/wp-includes", directory.join("wp-includes")).expect("a link");
    directory.write("recipe.php", &format!("<?php\n{}", block("WordPress", "php", 0)));
    directory.write("wp-config.php", include_str!("wordpress/wp-config.php"));
    directory.write("router.php", include_str!("wordpress/router.php"));
    directory.write("install.php", include_str!("wordpress/install.php"));
    std::fs::create_dir(directory.join("wp-content/mu-plugins")).expect("a directory");
    directory.write("wp-content/mu-plugins/plugin.php", include_str!("wordpress/plugin.php"));
    let database = start_database(&directory);
    run(Command::new("php").arg("install.php"), &directory);
    let mut site =
        Site::start(directory, &["php", "-d", "opcache.enable_cli=1", "-S", "127.0.0.1:0", "router.php"]);
    site.database = Some(database);
    site
}

fn run(command: &mut Command, directory: &ConfigDirectory) {
    debian::run(command.current_dir(directory.path())).unwrap_or_else(|failed| panic!("{failed:?}"));
}

/// Starts MariaDB on an empty directory. Without tables of privileges, nothing has to be installed there: as root,
/// `mariadb-install-db` would change the owner of a directory of Debian's package.
fn start_database(directory: &ConfigDirectory) -> Process {
    std::fs::create_dir(directory.join("database")).expect("a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("mariadbd");
    command.env("PATH", format!("{path}:/usr/sbin"));
    command.args(["--no-defaults", "--skip-grant-tables", "--skip-networking"]);
    command.args(["--skip-innodb", "--default-storage-engine=Aria"]);
    command.arg(format!("--datadir={}", directory.join("database").display()));
    command.arg(format!("--socket={}", directory.join("database.sock").display()));
    command.arg(format!("--user={}", geteuid().as_raw()));
    command.current_dir(directory.path()).stdin(Stdio::null()).stderr(Stdio::piped());
    let database = Process::spawn(command);
    database
        .log
        .wait_within(3 * DEADLINE, "ready for connections", |line| line.contains("ready for connections"));
    database
}

pub(super) fn use_the_dashboard(browser: &mut Browser) {
    log_in(browser);
    let dashboard = browser.open("/wp-admin/");
    assert!(dashboard.contains("<h1>Dashboard</h1>"), "{dashboard}");
    for page in PAGES {
        browser.open(&format!("/wp-admin/{page}"));
    }
    save_a_draft(browser, &dashboard);
    close_a_box(browser, &dashboard);
    assert_eq!(browser.get("/wp-cron.php?doing_wp_cron").status, 200);
    assert_eq!(browser.get("/wp-json/").status, 503);
}

fn log_in(browser: &mut Browser) {
    let dashboard = browser.url("/wp-admin/");
    let encoded: String = form_urlencoded::byte_serialize(dashboard.as_bytes()).collect();
    let login = format!("/wp-login.php?redirect_to={encoded}&reauth=1");
    let login_url = browser.url(&login);
    assert_redirects(&browser.get("/wp-admin/"), &login_url);
    browser.open(&login);
    let form = format!("log=operator&redirect_to={encoded}&testcookie=1");
    assert_eq!(browser.post("/wp-login.php", &format!("{form}&pwd=wrong")).status, 200);
    let entered = browser.post("/wp-login.php", &format!("{form}&pwd=secret"));
    assert_redirects(&entered, &dashboard);
}

/// Saves a draft as the form of the dashboard does.
fn save_a_draft(browser: &mut Browser, dashboard: &str) {
    let (_, form) = dashboard.split_once("id=\"quick-press\"").expect("the form");
    let (token, post) = (hidden(form, "_wpnonce"), hidden(form, "post_ID"));
    let title = format!("Written over {}", browser.scheme);
    let fields = format!("action=post-quickdraft-save&post_type=post&post_ID={post}&post_title={title}");
    let refused = browser.post("/wp-admin/post.php", &format!("{fields}&_wpnonce=0"));
    assert!(refused.text().contains("Unable to submit this form"), "without the token");
    let saved = browser.post("/wp-admin/post.php", &format!("{fields}&_wpnonce={token}"));
    assert_eq!(saved.status, 200, "{}", saved.text());
    assert!(browser.open("/wp-admin/edit.php?post_status=draft").contains(&title));
}

/// Closes a box of the dashboard, which a script saves.
fn close_a_box(browser: &mut Browser, dashboard: &str) {
    let token = hidden(dashboard, "closedpostboxesnonce");
    let fields = "action=closed-postboxes&page=dashboard&closed=dashboard_activity";
    let saved = browser.post("/wp-admin/admin-ajax.php", &format!("{fields}&closedpostboxesnonce={token}"));
    assert_eq!((saved.status, saved.text()), (200, "1"));
    let closed = Regex::new(r#"id="dashboard_activity" class="postbox +closed""#).expect("an expression");
    assert!(closed.is_match(&browser.open("/wp-admin/")));
}
