//! Periods that cover only a part of the site.

use std::time::Instant;

use serde_json::json;

use super::{assert_counted_down, period, periods};
use crate::support::process::GatewayProcess;

#[test]
fn only_requests_that_a_scope_covers_are_down() {
    let scope = "hosts = [\"shop.example\"]\npaths = [\"/checkout/**\"]\nmethods = [\"POST\"]";
    let gateway = GatewayProcess::start(&period(-60, 3600, scope));
    let mut client = gateway.connect();
    for (method, target, host, status) in [
        ("POST", "/checkout", "shop.example", 503),
        ("POST", "/checkout/pay", "SHOP.example.:80", 503),
        ("POST", "http://shop.example/checkout", "other.example", 503),
        ("POST", "/x/../open", "shop.example", 503),
        ("post", "/checkout", "shop.example", 503),
        ("GET", "/checkout?a=b&_method=POST", "shop.example", 503),
        ("POST", "/Checkout/", "shop.example", 503),
        ("POST", "/checkout.", "shop.example", 503),
        ("POST", "/checkout%20", "shop.example", 503),
        ("POST", "/checkout%0A", "shop.example", 503),
        ("POST", "/checkout", "shop.example:", 503),
        ("GET", "/checkout", "shop.example", 200),
        ("POST", "/checkouts", "shop.example", 200),
        ("POST", "/checkout", "other.example", 200),
    ] {
        let fields = [&format!("Host: {host}")[..], "Content-Length: 0"];
        let response = client.request(method, target, &fields);
        // The welcome page allows only GET, so 405 means that the request passed.
        let found = if response.status == 405 { 200 } else { response.status };
        assert_eq!(found, status, "{method} {target} {host}");
    }
}

#[test]
fn a_request_that_overrides_its_method_is_covered() {
    let gateway = GatewayProcess::start(&period(-60, 3600, "methods = [\"PUT\"]"));
    for (field, status) in [
        ("X-HTTP-Method-Override: PUT", 503),
        ("X-Method-Override: PUT", 503),
        ("X-HTTP-Method: PUT", 503),
        ("X_HTTP_Method_Override: PUT", 503),
        ("X-Method: PUT", 200),
    ] {
        assert_eq!(gateway.get("/", &[field]).status, status, "{field}");
    }
}

#[test]
fn the_forwarded_host_of_a_trusted_proxy_is_covered() {
    let shop = period(-60, 3600, "hosts = [\"shop.example\"]");
    let gateway = GatewayProcess::start(&format!("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n{shop}"));
    for (fields, status) in [
        (&["Host: 10.0.0.1", "X-Forwarded-Host: shop.example"][..], 503),
        (&["Host: shop.example", "X-Forwarded-Host: other.example"], 503),
        (&["Host: 10.0.0.1", "X-Forwarded-Host: other.example"], 200),
        (&["Host: 10.0.0.1", "X-Forwarded-Host: other.example, shop.example:443"], 503),
        (&["Host: 10.0.0.1", "X-Forwarded-Host: %73hop.example"], 503),
        (&["Host: 10.0.0.1", "X-Forwarded-Host: other.example, shop%2eexample"], 503),
    ] {
        assert_eq!(gateway.get("/", fields).status, status, "{fields:?}");
    }
    gateway.apply(&shop);
    assert_eq!(gateway.get("/", &["Host: 10.0.0.1", "X-Forwarded-Host: shop.example"]).status, 200);
}

#[test]
fn retry_after_depends_on_the_path() {
    let begun = Instant::now();
    let touching = periods([(-60, 3600, ""), (3600, 7200, "paths = [\"/a/**\"]")]);
    let gateway = GatewayProcess::start(&touching);
    for (target, hours) in [("/a", 2), ("/b", 1)] {
        assert_counted_down(gateway.get(target, &[]).retry_after(), hours * 3600, begun, target);
    }
}

#[test]
fn the_status_is_for_the_path_and_method_of_the_query() {
    let post = period(-60, 3600, "methods = [\"POST\"]");
    let shop = period(-60, 1800, "paths = [\"/shop/**\"]\nmessage = \"The shop moves.\"");
    let gateway = GatewayProcess::start(&format!("{post}{shop}"));
    for (query, state, message) in [
        ("", "up", json!(null)),
        ("?path=/shop/cart", "down", json!("The shop moves.")),
        ("?x=y&path=%2Fshop", "down", json!("The shop moves.")),
        ("?path=/other", "up", json!(null)),
        ("?path=/other&method=POST", "down", json!(null)),
        ("?method=post", "down", json!(null)),
        ("?path=/SHOP/", "down", json!("The shop moves.")),
    ] {
        let status = gateway.get(&format!("/.downtime/status{query}"), &[]).json();
        assert_eq!((&status["state"], &status["message"]), (&json!(state), &message), "{query}");
    }
}

#[test]
fn the_site_is_down_during_an_occurrence_of_a_series() {
    let gateway = GatewayProcess::start(
        "[[period]]\ncron = \"0 0 1 * *\"\nfor = \"40days\"\nend = 2999-01-01T00:00:00Z\n",
    );
    assert_eq!(gateway.get("/", &[]).status, 503);
}
