//! What a page owes every reader.

use serde_json::json;

use super::browser::{Browser, Look};
use crate::service::server::Server;
use crate::service::{SMALL, small_problem, with};

/// A service with all that pages show: answers, a check, a job that runs, one that waits, one that was cancelled.
fn stage() -> (tempfile::TempDir, Server, Vec<(&'static str, String)>) {
    let (directory, server) = Server::fresh(&["--workers", "1"]);
    let digits = server.upload("?name=digits", &crate::service::network_bytes("digits17_64_20_20_20_2_s0.onnx"));
    let digits = digits.json()["id"].as_str().unwrap().to_owned();
    let small = server.network(SMALL);
    let ball =
        |radius: f64| {
            server.submit(&digits, &json!({
            "domain": {"type": "ball", "norm": "linf", "center": vec![0.5; 64], "radius": radius, "clip": [0, 1]},
            "functional": {"type": "margin", "label": 0, "target": 1},
            "methods": ["naive", "fastlip", "recurjac", "linear_jacobian", "random", "ascent", "lp", "exact"],
            "labels": {"run": "42", "who": "anna"}, "limits": {"time_s": 5},
        }))
        };
    let answered: Vec<String> = [0.01, 0.02, 0.05].into_iter().map(ball).collect();
    let estimates = json!([{"name": "theirs", "value": 0.2, "claims": "upper"}, {"name": "ours", "value": 0.33}]);
    let check = server.submit(&small, &with(&small_problem(), json!({"kind": "check", "estimates": estimates})));
    for id in answered.iter().chain([&check]) {
        server.finished(id);
    }
    let busy = server.busy();
    let waiting = server.submit(&small, &with(&small_problem(), json!({"cache": false, "labels": {"who": "ben"}})));
    let cancelled = server.submit(&small, &with(&small_problem(), json!({"cache": false})));
    server.post_json(&format!("/v1/jobs/{cancelled}/cancel"), &json!({}));
    let pages = vec![
        ("list", "/".to_owned()),
        ("answered", format!("/jobs/{}", answered[2])),
        ("check", format!("/jobs/{check}")),
        ("running", format!("/jobs/{busy}")),
        ("waiting", format!("/jobs/{waiting}")),
        ("cancelled", format!("/jobs/{cancelled}")),
        ("networks", "/networks".to_owned()),
        ("network", format!("/networks/{digits}?like={}", answered[0])),
        ("compare", "/compare?label=run%3D42".to_owned()),
        ("compare-nothing", "/compare".to_owned()),
        ("interface", "/docs".to_owned()),
        ("missing", "/nowhere".to_owned()),
    ];
    (directory, server, pages)
}

#[test]
fn no_page_has_barriers_in_light_in_dark_or_on_a_phone() {
    let (_directory, server, pages) = stage();
    for look in Look::ALL {
        let Some(browser) = Browser::open(&server, look) else { return };
        for (name, path) in &pages {
            // A phone's layout differs where there are tables, pictures and forms.
            if look == Look::Phone && !["list", "answered", "network", "compare"].contains(name) {
                continue;
            }
            browser.go(path);
            let dark = browser.script("return matchMedia('(prefers-color-scheme: dark)').matches", vec![]);
            assert_eq!(dark, look == Look::Dark);
            browser.screenshot(&format!("{name}-{}", look.name()));
            let barriers = browser.barriers(look);
            assert!(barriers.is_empty(), "{name} ({}): {barriers:#?}", look.name());
            let width = browser.script("return [document.documentElement.scrollWidth, innerWidth]", vec![]);
            assert!(
                width[0].as_f64() <= width[1].as_f64(),
                "{name} ({}) is wider than its screen: {width}",
                look.name()
            );
        }
    }
}
