//! Probes of load balancers: `probe_paths`.

use super::{DOWN, period};
use crate::support::process::GatewayProcess;
use crate::upstreams::StubUpstream;

const PROBES: &str = "[server]\nprobe_paths = [\"/up\"]\n";

#[test]
fn a_probe_gets_200_from_the_gateway_while_the_whole_site_is_down() {
    let origin = StubUpstream::start();
    let gateway = GatewayProcess::start(&format!("{PROBES}[site]\nupstream = \"{}\"\n{DOWN}", origin.url()));
    let mut balancer = gateway.connect();
    for method in ["GET", "HEAD", "OPTIONS"] {
        let response = balancer.request(method, "/up?a=b", &[]);
        assert_eq!((response.status, response.downtime()), (200, None), "{method}");
        assert_eq!(response.text(), if method == "HEAD" { "" } else { "ok\n" });
        assert_eq!(response.field("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(response.field("cache-control"), Some("no-store"));
        assert_eq!(response.field("content-length"), Some("3"));
    }
    for (method, target) in [("GET", "/up/"), ("GET", "/x/../up"), ("GET", "//up"), ("POST", "/up")] {
        let response = balancer.request(method, target, &["Content-Length: 0"]);
        assert_eq!(response.downtime(), Some("planned"), "{method} {target}");
    }
    assert_eq!(origin.heads(), Vec::<String>::new());
}

#[test]
fn a_probe_reaches_the_site_while_it_is_up_or_only_partly_down() {
    let origin = StubUpstream::start();
    let site = format!("{PROBES}[site]\nupstream = \"{}\"\n", origin.url());
    let partly = period(-60, 600, "paths = [\"/up\"]");
    let gateway = GatewayProcess::start(&site);
    assert_eq!(gateway.get("/up", &[]).text(), "the site");
    gateway.apply(&format!("{site}{partly}"));
    assert_eq!(gateway.get("/up", &[]).text(), "the site");
    // A load balancer sees that the site has failed.
    let nowhere = site.replace(&origin.url(), "http://127.0.0.1:1");
    gateway.apply(&format!("{nowhere}when_unreachable = \"error\"\n"));
    assert_eq!(gateway.get("/up", &[]).status, 502);
    gateway.apply(&format!("{nowhere}{DOWN}"));
    assert_eq!(gateway.get("/up", &[]).status, 200);
}
