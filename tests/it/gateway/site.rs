//! Sites without an upstream: the welcome page and a root directory.

use super::DOWN;
use crate::support::process::{ConfigDirectory, GatewayProcess};

#[test]
fn without_a_site_the_welcome_page_shows_the_next_steps() {
    let directory = ConfigDirectory::with("");
    let file = directory.join("downtime.toml").display().to_string().replace('/', "&#x2f;");
    let gateway = GatewayProcess::on(directory);
    for path in ["/", "/any/path?x"] {
        let response = gateway.get(path, &[]);
        assert_eq!((response.status, response.downtime()), (200, None), "{path}");
        assert_eq!(response.field("content-type"), Some("text/html; charset=utf-8"));
        for step in [&file, "[site]", "upstream", "downtime start"] {
            assert!(response.text().contains(step), "{step}");
        }
    }
    gateway.apply(DOWN);
    assert_eq!(gateway.get("/", &[]).status, 503);
}

#[test]
fn a_root_is_served_while_the_site_is_up_and_its_exempt_files_always() {
    let directory = ConfigDirectory::with("[site]\nroot = \"public\"\n");
    std::fs::create_dir(directory.join("public")).expect("a directory");
    directory.write("public/index.html", "<p>home</p>");
    directory.write("public/logo.svg", "<svg/>");
    directory.write("secret", "secret");
    let gateway = GatewayProcess::on(directory);
    let home = gateway.get("/", &[]);
    assert_eq!((home.status, home.text()), (200, "<p>home</p>"));
    assert_eq!(home.field("content-type"), Some("text/html; charset=utf-8"));
    let head = gateway.connect().request("HEAD", "/logo.svg", &[]);
    assert_eq!((head.status, head.field("content-length")), (200, Some("6")));
    for path in ["/none", "/../secret", "/%2e%2e/secret", "/..%2fsecret", "/%00"] {
        let status = gateway.get(path, &[]).status;
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
    assert_eq!(gateway.connect().request("POST", "/", &["Content-Length: 0"]).status, 405);
    gateway.apply(&format!("[site]\nroot = \"public\"\n[exempt]\nexact = [\"/logo.svg\"]\n{DOWN}"));
    assert_eq!(gateway.get("/", &[]).status, 503);
    assert_eq!(gateway.get("/logo.svg", &[]).text(), "<svg/>");
}
